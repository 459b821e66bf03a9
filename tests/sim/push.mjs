// A push service for tests (RFC 8030), and a browser that has a subscription there: what comes is opened by http_ece,
// which is not ours; who sends it is checked by Node's own ECDSA.
import { createECDH, createPublicKey, randomBytes, verify } from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

import { ROOT } from '../integration/harness.mjs';

const ece = createRequire(path.join(ROOT, 'tests/counterparts/package.json'))('http_ece');
const url64 = (bytes) => Buffer.from(bytes).toString('base64url');

export class PushService {
  pushes = []; // {headers, said, claims, at}
  refuse = null; // {status, headers}: what the next one gets

  static async start() {
    const sim = new PushService();
    sim.ecdh = createECDH('prime256v1');
    sim.ecdh.generateKeys();
    sim.auth = randomBytes(16);
    sim.server = http.createServer((req, res) => {
      const parts = [];
      req.on('data', (c) => parts.push(c));
      req.on('end', () => {
        const refuse = sim.refuse;
        sim.refuse = null;
        let status = refuse?.status ?? 201;
        try {
          if (!refuse) sim.pushes.push(sim.open(req.headers, Buffer.concat(parts)));
        } catch (error) {
          sim.wrong = error;
          status = 400;
        }
        res.writeHead(status, { 'Content-Length': 0, ...refuse?.headers });
        res.end();
      });
    });
    await new Promise((done) => sim.server.listen(0, '127.0.0.1', done));
    sim.url = `http://127.0.0.1:${sim.server.address().port}`;
    return sim;
  }

  open(headers, body) {
    const [, token, key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(headers.authorization);
    const [head, claims, signature] = token.split('.');
    const point = Buffer.from(key, 'base64url');
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map(url64);
    const good = verify(
      'sha256',
      Buffer.from(`${head}.${claims}`),
      { key: createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    );
    if (!good) throw new Error('the signature of the VAPID token');
    if (body.length > 4096) throw new Error(`${body.length} bytes`);
    const plain = ece.decrypt(body, { version: 'aes128gcm', privateKey: this.ecdh, authSecret: url64(this.auth) });
    return { headers, key, claims: JSON.parse(Buffer.from(claims, 'base64url')), said: JSON.parse(plain) };
  }

  /** What a browser's PushSubscription gives. */
  subscription(path_ = '/push/1') {
    return JSON.stringify({
      endpoint: this.url + path_,
      keys: { p256dh: url64(this.ecdh.getPublicKey()), auth: url64(this.auth) },
    });
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
