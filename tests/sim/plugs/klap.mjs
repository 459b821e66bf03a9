// The plug's side of KLAP, v1 and v2. SIMULATOR; written from the description and the vectors that README.md names, by
// which it checks itself.
import assert from 'node:assert';
import crypto from 'node:crypto';

const md = (name, ...parts) => {
  const sum = crypto.createHash(name);
  for (const part of parts) sum.update(part);
  return sum.digest();
};
const sha256 = (...parts) => md('sha256', ...parts);
const be32 = (n) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(n);
  return bytes;
};

function authHash(version, user, password) {
  if (version === 1) return md('md5', md('md5', user), md('md5', password));
  return sha256(md('sha1', user), md('sha1', password));
}

class Session {
  constructor(version, local, remote, auth) {
    this.serverHash = version === 1 ? sha256(local, auth) : sha256(local, remote, auth);
    this.clientHash = version === 1 ? sha256(remote, auth) : sha256(remote, local, auth);
    this.key = sha256('lsk', local, remote, auth).subarray(0, 16);
    const iv = sha256('iv', local, remote, auth);
    this.iv = iv.subarray(0, 12);
    this.seq = iv.readInt32BE(28);
    this.sig = sha256('ldk', local, remote, auth).subarray(0, 28);
    this.proven = false;
  }
  #vector(seq) {
    return Buffer.concat([this.iv, be32(seq)]);
  }
  open(seq, body) {
    if (!sha256(this.sig, be32(seq), body.subarray(32)).equals(body.subarray(0, 32))) return null;
    const cipher = crypto.createDecipheriv('aes-128-cbc', this.key, this.#vector(seq));
    return Buffer.concat([cipher.update(body.subarray(32)), cipher.final()]).toString();
  }
  seal(seq, text) {
    const cipher = crypto.createCipheriv('aes-128-cbc', this.key, this.#vector(seq));
    const body = Buffer.concat([cipher.update(text), cipher.final()]);
    return Buffer.concat([sha256(this.sig, be32(seq), body), body]);
  }
}

{
  const local = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  const remote = Buffer.from('101112131415161718191a1b1c1d1e1f', 'hex');
  for (const [version, hello, seq, body] of [
    [1, 'a0093a95c096357f0062226a7eb15d7984face8adc0711caf8ec58cc44881467', 474403070, '6466e6b073e94b51'],
    [2, '21f27ccace7cf984d6ed402aa09db27fb98f16573f83e0e71b37e84b8f35d3d5', 1807901053, 'f74c5237c1a4dd2e'],
  ]) {
    const session = new Session(version, local, remote, authHash(version, 'user@example.com', 'password123'));
    assert.equal(session.serverHash.toString('hex'), hello);
    assert.equal(session.seq, seq);
    const sealed = session.seal(seq + 1, '{"method":"get_device_info"}');
    assert.equal(sealed.subarray(0, 8).toString('hex'), body);
    assert.equal(session.open(seq + 1, sealed), '{"method":"get_device_info"}');
  }
}

export class Klap {
  #sessions = new Map();
  constructor({ version, user, password }) {
    this.version = version;
    this.auth = authHash(version, user, password);
  }
  /** It has been switched off and on: nobody is known any more. */
  forget() {
    this.#sessions.clear();
  }
  /** [status, body, headers] of one POST; `answer` makes JSON of JSON. */
  post(url, headers, body, answer) {
    const cookie = /TP_SESSIONID=(\w+)/.exec(headers.cookie ?? '')?.[1];
    if (/TIMEOUT/.test(headers.cookie ?? '')) return [400, ''];
    if (url.pathname === '/app/handshake1') {
      if (body.length !== 16) return [400, ''];
      const remote = crypto.randomBytes(16);
      const session = new Session(this.version, body, remote, this.auth);
      const id = crypto.randomBytes(16).toString('hex').toUpperCase();
      this.#sessions.set(id, session);
      return [
        200,
        Buffer.concat([remote, session.serverHash]),
        { 'Set-Cookie': [`TP_SESSIONID=${id}`, 'TIMEOUT=86400'] },
      ];
    }
    const session = this.#sessions.get(cookie);
    if (!session) return [403, ''];
    if (url.pathname === '/app/handshake2') {
      session.proven = body.equals(session.clientHash);
      return [session.proven ? 200 : 400, ''];
    }
    const seq = Number(url.searchParams.get('seq'));
    if (url.pathname !== '/app/request' || !session.proven || seq !== session.seq + 1) return [403, ''];
    const text = session.open(seq, body);
    if (text === null) return [400, ''];
    session.seq = seq;
    return [200, session.seal(seq, answer(text))];
  }
}
