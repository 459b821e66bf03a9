// What a network allows, in words: of what was tried.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { candidateParts, gather, natOf, serverOf, toOpen, verdictOf, waysOf } from '../core/diagnose.js';
import { FakeClock, settle } from './fakes.mjs';

test('servers by the way that they are reached', () => {
  assert.deepEqual(serverOf('turn:t.example:3479?transport=tcp'), {
    host: 't.example',
    port: 3479,
    way: 'tcp',
    turn: true,
  });
  assert.deepEqual(serverOf('turns:[2001:db8::1]'), { host: '[2001:db8::1]', port: 5349, way: 'tls', turn: true });
  assert.deepEqual(serverOf('stun:s'), { host: 's', port: 3478, way: 'udp', turn: false });
  assert.equal(serverOf('http://x'), null);
  const credentials = { username: '1:me', credential: 'c' };
  assert.deepEqual(
    waysOf([
      { urls: ['stun:s:3478'] },
      { urls: ['turn:t', 'turn:t?transport=tcp', 'turns:t:443', 'nonsense'], ...credentials },
    ]),
    {
      stun: [{ urls: 'stun:s:3478' }, { urls: 'stun:t:3478' }],
      udp: [{ urls: 'turn:t', ...credentials }],
      tcp: [{ urls: 'turn:t?transport=tcp', ...credentials }],
      tls: [{ urls: 'turns:t:443', ...credentials }],
    },
  );
});

test('candidates, and what they say of address translation', () => {
  const srflx = (address, port, base) =>
    candidateParts(`candidate:1 1 UDP 1677729535 ${address} ${port} typ srflx raddr 0.0.0.0 rport ${base}`);
  assert.equal(candidateParts('a=nothing'), null);
  assert.deepEqual(natOf([srflx('198.51.100.2', 40000, 5000)]), {
    works: true,
    address: '198.51.100.2',
    addressV6: null,
    symmetric: false,
  });
  assert.equal(natOf([srflx('198.51.100.2', 40000, 5000), srflx('198.51.100.2', 40001, 5000)]).symmetric, true);
  assert.equal(natOf([srflx('198.51.100.2', 40000, 5000), srflx('198.51.100.2', 40001, 5001)]).symmetric, false);
  assert.equal(natOf([srflx('2001:db8::2', 40000, 5000)]).addressV6, '2001:db8::2');
  assert.equal(natOf([]).works, false);
});

test('gathering ends with the first relay, with the last candidate, or when nothing comes', async () => {
  const clock = new FakeClock();
  const made = [];
  class RTCPeerConnection {
    constructor(config) {
      this.config = config;
      made.push(this);
    }
    createDataChannel() {}
    addEventListener(_, fn) {
      this.tell = (text) => fn({ candidate: text && { candidate: text } });
    }
    async createOffer() {}
    async setLocalDescription() {}
    close() {
      this.closed = true;
    }
  }
  const ask = (relay) => gather({ RTCPeerConnection, iceServers: [], relay, clock });
  const relayed = ask(true);
  await settle();
  made[0].tell('candidate:1 1 udp 1 10.0.0.9 3 typ relay raddr 0.0.0.0 rport 0');
  assert.equal((await relayed)[0].type, 'relay');
  assert.equal(made[0].config.iceTransportPolicy, 'relay');
  const whole = ask(false);
  await settle();
  made[1].tell('candidate:1 1 udp 1 10.0.0.2 3 typ host');
  made[1].tell(null);
  assert.equal((await whole).length, 1);
  const silent = ask(true);
  await clock.advance(5000);
  assert.deepEqual(await silent, []);
  assert.ok(made.every((pc) => pc.closed));
});

test('the verdict: what a picture takes, and what stands in the way', () => {
  const all = { webSocket: true, stun: true, symmetric: false, udp: true, tcp: true, tls: true };
  const of = (more) => {
    const { level, path, text } = verdictOf({ ...all, ...more });
    return [level, path, text];
  };
  assert.deepEqual(of({}).slice(0, 2), ['good', 'direct']);
  assert.deepEqual(of({ symmetric: true }).slice(0, 2), ['good', 'turn']);
  assert.deepEqual(of({ symmetric: true, udp: null, tcp: null, tls: null }).slice(0, 2), ['warn', 'relay']);
  const blocked = of({ stun: false, udp: false });
  assert.deepEqual(blocked.slice(0, 2), ['warn', 'turn']);
  assert.match(blocked[2], /UDP does not get out.*TURN by TCP/);
  assert.match(of({ stun: false, udp: false, tcp: false })[2], /TURN by TLS/);
  assert.match(of({ stun: false, udp: false, tcp: false, tls: false })[2], /no TURN server is reached/);
  assert.match(of({ stun: null, udp: null, tcp: null, tls: null })[2], /names neither/);
  assert.deepEqual(of({ webSocket: false }).slice(0, 2), ['bad', 'none']);
});

test('what to open: of the ways that failed', () => {
  const ways = waysOf([{ urls: ['turn:t', 'turn:t?transport=tcp', 'turns:t:443'], username: 'u', credential: 'c' }]);
  assert.deepEqual(toOpen({ stun: false, udp: false, tcp: true, tls: false }, ways), ['UDP 3478 to t', 'TCP 443 to t']);
  assert.deepEqual(toOpen({ stun: null, udp: null, tcp: null, tls: null }, ways), []);
});
