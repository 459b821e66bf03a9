// testbed-server on a free port with a generated configuration, and a host that is only a socket (the protocol of
// docs/PROTOCOL.md by hand).
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { BUILD, Program, request, scratch, tls, websocket } from './harness.mjs';

const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex'); // RFC 8410, before the seed

/**
 * A key pair of a host. Not by generateKeyPairSync(): Node 20 locks up for ever when it collects garbage while a key
 * that came from there is exported (~KeyGenJob waits for the key's own lock).
 */
export function hostKey() {
  const privateKey = createPrivateKey({
    key: Buffer.concat([ED25519_PKCS8, randomBytes(32)]),
    format: 'der',
    type: 'pkcs8',
  });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

export class Server {
  static async start(config = {}, { env = {}, args = [], wrap = [], state } = {}) {
    const server = new Server();
    server.folder = state ?? scratch('tb-server-');
    const file = path.join(server.folder, 'server.yaml');
    writeFileSync(
      file,
      JSON.stringify({ port: 0, sessions_per_minute: 100000, ...tls(server.folder), ...config }, null, 2),
    ); // YAML holds JSON
    const binary = path.join(BUILD, 'testbed-server');
    assert.ok(existsSync(binary), `${binary} is not built`);
    const clean = {};
    for (const name of [
      'SERVER_URL',
      'DATABASE_URL',
      'REDIS_URL',
      'TESTBED_TOKEN',
      'TESTBED_ADMIN_PASSWORD',
      'JWT_SECRET',
      'FRONTEND_URL',
      'WEBRTC_STUN_SERVERS',
      'WEBRTC_TURN_SERVERS',
      'WEBRTC_TURN_SECRET',
      'WEBRTC_TURN_USERNAME',
      'WEBRTC_TURN_PASSWORD',
      'LOG_LEVEL',
      'DEBUG',
    ])
      clean[name] = '';
    server.program = new Program([...wrap, binary, '--config', file, '--state-dir', server.folder, ...args], {
      env: { ...clean, ...env },
      name: 'testbed-server',
    });
    try {
      const line = await server.program.line(/\burl=/, { ms: 20000, what: 'the line with url=' });
      server.url = /\burl="?(https?:\/\/[^\s"]+)/.exec(line)[1];
    } catch (error) {
      await server.program.kill();
      throw error;
    }
    return server;
  }

  request(method, target, options) {
    return request(this.url, method, target, options);
  }
  get(target, options) {
    return this.request('GET', target, options);
  }
  post(target, json, options) {
    return this.request('POST', target, { json, ...options });
  }
  websocket(target = '/ws', options) {
    return websocket(this.url, target, options);
  }

  async session(json = {}, options) {
    const answer = await this.post('/api/session', json, options);
    assert.equal(answer.status, 201, answer.text);
    return answer.json;
  }

  /** A client that has said hello; its `ready` is in `.ready`. */
  async join(role, { sessionId, token }, peerId) {
    const peer = await this.websocket();
    peer.send({ type: 'hello', role, sessionId, token, ...(peerId ? { peerId } : {}) });
    peer.ready = await peer.find((m) => m.type === 'ready', { what: `ready of ${role}` });
    return peer;
  }

  /** `key`: of hostKey(); without, a host of before keys. */
  async host(name, devices, { token, protocol = 2, key } = {}) {
    const host = await this.websocket();
    const hello = {
      type: 'hello',
      role: 'host',
      host: name,
      protocol,
      version: 'test',
      devices,
      ...(token ? { token } : {}),
    };
    if (key) hello.key = key.publicKey.export({ format: 'jwk' }).x;
    host.send(hello);
    if (key) {
      const { nonce } = await host.find((m) => m.type === 'challenge', { what: 'the challenge' });
      host.send({
        type: 'proof',
        signature: sign(null, Buffer.from(`testbed host link\n${name}\n${nonce}`), key.privateKey).toString(
          'base64url',
        ),
      });
    }
    host.ready = await host.find((m) => m.type === 'ready', { what: 'ready of the host' });
    return host;
  }

  async stop({ keepState = false } = {}) {
    const how = await this.program.stop();
    if (!keepState) rmSync(this.folder, { recursive: true, force: true });
    assert.deepEqual(
      { code: how.code, signal: how.signal },
      { code: 0, signal: null },
      `testbed-server ended badly:\n${this.program.text.slice(-6000)}`,
    );
  }
}

/** Starts a server for one test (or a file: t = {after}) and stops it behind it. */
export async function withServer(t, config, options) {
  const server = await Server.start(config, options);
  t.after(async () => {
    if (!server.program.how) await server.stop();
  });
  return server;
}
