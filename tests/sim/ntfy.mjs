// A simulated ntfy server, by its documentation (https://docs.ntfy.sh/publish/#publish-as-json): messages in JSON to
// its root.
import http from 'node:http';

export class Ntfy {
  messages = []; // {headers, ...body}
  refuse = null; // {status, headers}: what the next message gets

  static async start() {
    const sim = new Ntfy();
    sim.server = http.createServer((req, res) => {
      let text = '';
      req.on('data', (c) => (text += c));
      req.on('end', () => {
        const refuse = sim.refuse;
        sim.refuse = null;
        const body = JSON.parse(text);
        const good = req.method === 'POST' && req.url === '/' && /^[-_A-Za-z0-9]{1,64}$/.test(body.topic);
        const status = refuse?.status ?? (good ? 200 : 400);
        sim.messages.push({ ...body, status, headers: req.headers, at: Date.now() });
        res.writeHead(status, { 'Content-Type': 'application/json', ...refuse?.headers });
        res.end(JSON.stringify(status === 200 ? { id: 'x', event: 'message', topic: body.topic } : { error: 'no' }));
      });
    });
    await new Promise((done) => sim.server.listen(0, '127.0.0.1', done));
    sim.url = `http://127.0.0.1:${sim.server.address().port}`;
    return sim;
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
  get told() {
    return this.messages.filter((m) => m.status === 200);
  }
}
