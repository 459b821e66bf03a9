// Somebody who takes part in calls: signaling at /ws by a client that we did not write (npm ws).
import WebSocket from 'ws';

import { until } from './harness.mjs';

export class CallLine {
  /** `hello`: what authenticate says; null: nothing is said. */
  static async open(server, { token, hello = {}, path = '/ws' } = {}) {
    const line = new CallLine();
    line.heard = [];
    line.seen = 0;
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    line.socket = new WebSocket(server.url.replace(/^http/, 'ws') + path, { headers, rejectUnauthorized: false });
    line.socket.on('message', (text) => line.heard.push(JSON.parse(text)));
    line.closed = new Promise((done) => line.socket.on('close', (code, reason) => done({ code, reason: `${reason}` })));
    line.socket.on('error', () => {});
    await new Promise((done, fail) => {
      line.socket.on('open', done);
      line.socket.on('error', fail);
    });
    if (hello) {
      line.say('authenticate', hello);
      const { data } = await line.hears((m) => m.event === 'authenticated' || m.event === 'error');
      Object.assign(line, data);
    }
    return line;
  }

  say(event, data = {}) {
    this.socket.send(JSON.stringify({ event, data }));
  }

  /** The next message that fits, behind the last one that was waited for. */
  async hears(want, ms = 15000) {
    const fits = typeof want === 'string' ? (m) => m.event === want : want;
    let found;
    await until(
      `${want} among ${() => JSON.stringify(this.heard)}`,
      () => {
        const at = this.heard.findIndex((m, i) => i >= this.seen && fits(m));
        if (at < 0) return false;
        this.seen = at + 1;
        found = this.heard[at];
        return true;
      },
      ms,
    );
    return found;
  }

  /** What answers to that. */
  async ask(event, data, want) {
    this.say(event, data);
    return this.hears((m) => m.event === want || m.event === 'error');
  }

  async close() {
    this.socket.close();
    await this.closed;
  }
}
