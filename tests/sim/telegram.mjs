// A simulated Telegram Bot API server (https://core.telegram.org/bots/api), as far as a bot that tells people uses it:
// messages and videos that are taken, updates that wait until they are confirmed by an offset, a webhook that stands in
// their way (409), limits.
import http from 'node:http';

/** Parts of a multipart/form-data body: {name: text}, and {name: {file, type, bytes}} for files. */
function form(body, type) {
  const boundary = Buffer.from(`--${/boundary=([^;]+)/.exec(type)[1]}`);
  const out = {};
  for (let at = body.indexOf(boundary); ; ) {
    const next = body.indexOf(boundary, at + boundary.length);
    if (next < 0) return out;
    const part = body.subarray(at + boundary.length + 2, next - 2);
    const split = part.indexOf('\r\n\r\n');
    const head = part.subarray(0, split).toString();
    const bytes = part.subarray(split + 4);
    const file = /filename="([^"]*)"/.exec(head)?.[1];
    const name = /name="([^"]*)"/.exec(head)[1];
    out[name] = file ? { file, type: /Content-Type: (.*)/i.exec(head)?.[1], bytes } : bytes.toString();
    at = next;
  }
}

export class Telegram {
  token = '4711:abc-DEF_x';
  calls = []; // {method, body}
  updates = [];
  webhook = false;
  answers = []; // [method, status, body]: what the next call of that method gets instead
  #next = 100;

  static async start(port = 0) {
    const sim = new Telegram();
    sim.server = http.createServer((req, res) => sim.#take(req, res));
    await new Promise((done) => sim.server.listen(port, '127.0.0.1', done));
    sim.url = `http://127.0.0.1:${sim.server.address().port}`;
    return sim;
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** Somebody writes to the bot; in a private chat he and the chat have one number. */
  says(chat, text, username = 'anna') {
    this.updates.push({
      update_id: this.#next++,
      message: { message_id: 1, from: { id: chat, username }, chat: { id: chat, type: 'private' }, date: 1, text },
    });
    return this.updates.at(-1);
  }
  sent(method) {
    return this.calls.filter((c) => c.method === method).map((c) => c.body);
  }

  #take(req, res) {
    const parts = [];
    req.on('data', (c) => parts.push(c));
    req.on('end', () => {
      const method = req.url.split('/').at(-1).split('?')[0];
      const raw = Buffer.concat(parts);
      const type = req.headers['content-type'] ?? '';
      const body = type.startsWith('multipart/') ? form(raw, type) : raw.length ? JSON.parse(raw) : {};
      const [status, answer] = this.#answer(req, method, body);
      this.calls.push({ method, body, status });
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
    });
  }

  #answer(req, method, body) {
    const no = (status, description, parameters) => [
      status,
      { ok: false, error_code: status, description, ...(parameters && { parameters }) },
    ];
    if (!req.url.startsWith(`/bot${this.token}/`)) return no(401, 'Unauthorized');
    const at = this.answers.findIndex(([of]) => of === method);
    if (at >= 0) return no(...this.answers.splice(at, 1)[0].slice(1));
    if (method === 'getUpdates') {
      if (this.webhook) return no(409, "Conflict: can't use getUpdates method while webhook is active");
      this.updates = this.updates.filter((u) => u.update_id >= (body.offset ?? 0));
      return [200, { ok: true, result: this.updates.slice(0, body.limit ?? 100) }];
    }
    if (method === 'deleteWebhook') {
      this.webhook = false;
      if (body.drop_pending_updates) this.updates = [];
      return [200, { ok: true, result: true }];
    }
    if (!['getChat', 'sendMessage', 'sendVideo'].includes(method)) return no(404, 'Not Found');
    if (body.chat_id === '13') return no(403, 'Forbidden: bot was blocked by the user');
    if (method === 'sendMessage' && !(body.text?.length <= 4096)) return no(400, 'Bad Request: message is too long');
    if (method === 'sendVideo' && !(body.caption?.length <= 1024)) return no(400, 'Bad Request: caption is too long');
    return [200, { ok: true, result: { message_id: this.calls.length, id: Number(body.chat_id), type: 'private' } }];
  }
}
