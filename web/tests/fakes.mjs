// Fakes for the tests of core: a clock that only moves when told, WebSocket, RTCPeerConnection, fetch.

export class FakeClock {
  constructor(t = 1_700_000_000_000) {
    this.t = t;
    this._n = 0;
    this._timers = new Map();
  }

  now = () => this.t;
  setTimeout = (fn, ms) => {
    this._timers.set(++this._n, { at: this.t + ms, fn });
    return this._n;
  };
  clearTimeout = (id) => {
    this._timers.delete(id);
  };
  setInterval = (fn, ms) => {
    this._timers.set(++this._n, { at: this.t + ms, fn, every: ms });
    return this._n;
  };
  clearInterval = (id) => {
    this._timers.delete(id);
  };

  get pending() {
    return this._timers.size;
  }

  /** Moves on by ms and runs what is due, in order, letting promises settle in between. */
  async advance(ms) {
    const end = this.t + ms;
    await settle();
    for (;;) {
      const due = [...this._timers].filter(([, x]) => x.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      const [id, timer] = due;
      this.t = timer.at;
      if (timer.every) timer.at += timer.every;
      else this._timers.delete(id);
      timer.fn();
      await settle();
    }
    this.t = end;
  }
}

/** Lets every promise that can settle do so. */
export async function settle() {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}

class Target {
  constructor() {
    this._listeners = {};
  }
  addEventListener(name, fn) {
    (this._listeners[name] ??= []).push(fn);
  }
  removeEventListener(name, fn) {
    this._listeners[name] = (this._listeners[name] ?? []).filter((f) => f !== fn);
  }
  fire(name, event = {}) {
    for (const fn of [...(this._listeners[name] ?? [])]) fn(event);
  }
}

export function fakeWebSocket() {
  const made = [];
  class FakeWebSocket extends Target {
    constructor(url, protocols = []) {
      super();
      this.url = url;
      this.protocols = protocols;
      this.readyState = 0;
      this.sent = [];
      this.bufferedAmount = 0;
      made.push(this);
    }

    send(data) {
      if (this.readyState !== 1) throw new Error('not open');
      this.sent.push(data);
    }

    close(code) {
      this.closed = code ?? 1005;
      this.readyState = 3;
      this.fire('close', { code, reason: '' });
    }

    // what the other side does
    open() {
      this.readyState = 1;
      this.fire('open');
    }
    text(message) {
      this.fire('message', { data: typeof message === 'string' ? message : JSON.stringify(message) });
    }
    bytes(data) {
      this.fire('message', { data: Uint8Array.from(data).buffer });
    }
    lose(reason = '') {
      this.readyState = 3;
      this.fire('close', { code: 1006, reason });
    }
    get json() {
      return this.sent.filter((d) => typeof d === 'string').map((d) => JSON.parse(d));
    }
  }
  FakeWebSocket.made = made;
  Object.defineProperty(FakeWebSocket, 'last', { get: () => made.at(-1) });
  return FakeWebSocket;
}

export const OFFER = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
  'a=ice-ufrag:tUQM',
  'a=ice-pwd:pimyGfJcjjRwvUjnmGOODSjt',
  'a=mid:0',
  'a=recvonly',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'a=ice-ufrag:tUQM',
  'a=ice-pwd:pimyGfJcjjRwvUjnmGOODSjt',
  'a=mid:1',
  '',
].join('\r\n');

export function fakePeerConnection() {
  const made = [];
  class FakePeerConnection extends Target {
    constructor(config) {
      super();
      Object.assign(this, {
        config,
        connectionState: 'new',
        iceConnectionState: 'new',
        iceGatheringState: 'new',
        signalingState: 'stable',
        transceivers: [],
        channels: [],
        candidates: [],
        remoteDescription: null,
        localDescription: null,
        closed: false,
        report: new Map(),
      });
      made.push(this);
    }

    addTransceiver(kind, init) {
      const t = { kind, ...init };
      this.transceivers.push(t);
      return t;
    }

    createDataChannel(label, options) {
      const c = Object.assign(new Target(), {
        label,
        options,
        readyState: 'connecting',
        sent: [],
        bufferedAmount: 0,
        send(x) {
          this.sent.push(x);
        },
      });
      this.channels.push(c);
      return c;
    }

    async createOffer() {
      return { type: 'offer', sdp: OFFER };
    }
    async createAnswer() {
      return { type: 'answer', sdp: 'v=0 answer' };
    }
    async setLocalDescription(d) {
      this.localDescription = d;
    }
    async setRemoteDescription(d) {
      if (d.sdp === 'broken') throw new Error('bad SDP');
      this.remoteDescription = d;
    }

    async addIceCandidate(c) {
      this.candidates.push(c);
    }
    async getStats() {
      return this.report;
    }
    close() {
      this.closed = true;
      this.connectionState = 'closed';
    }

    // what the network does
    become(state) {
      this.connectionState = state;
      this.fire('connectionstatechange');
    }
    openChannels() {
      for (const c of this.channels) {
        c.readyState = 'open';
        c.fire('open');
      }
    }
    candidate(candidate, sdpMid = '0', sdpMLineIndex = 0) {
      this.fire('icecandidate', {
        candidate:
          candidate === null
            ? null
            : { candidate, sdpMid, sdpMLineIndex, toJSON: () => ({ candidate, sdpMid, sdpMLineIndex }) },
      });
    }
  }
  FakePeerConnection.made = made;
  Object.defineProperty(FakePeerConnection, 'last', { get: () => made.at(-1) });
  return FakePeerConnection;
}

export function response(status, body = '', headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    ok: status >= 200 && status < 300,
    statusText: '',
    url: '',
    headers: {
      get: (name) => headers[Object.keys(headers).find((k) => k.toLowerCase() === name.toLowerCase())] ?? null,
    },
    text: async () => text,
    json: async () => JSON.parse(text),
  };
}

/** fetch that answers from a list, in order, or from a function; remembers its calls. */
export function fakeFetch(answers) {
  const calls = [];
  const fn = async (url, init = {}) => {
    calls.push({
      url,
      method: init.method ?? 'GET',
      headers: init.headers ?? {},
      body: init.body,
      signal: init.signal,
      keepalive: init.keepalive,
    });
    const answer = typeof answers === 'function' ? answers(url, init) : answers.shift();
    const a = await answer;
    if (a instanceof Error) throw a;
    if (!a) throw new Error(`no answer for ${init.method ?? 'GET'} ${url}`);
    return a;
  };
  fn.calls = calls;
  return fn;
}

/** A body that a test feeds: {stream, push(text), end(), fail()}. */
export function feed() {
  let controller;
  const stream = new ReadableStream({
    start: (c) => {
      controller = c;
    },
  });
  return {
    stream,
    push: (text) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    fail: (e) => controller.error(e),
  };
}

/** Everything an emitter says, as [name, ...args]. */
export function record(emitter, ...names) {
  const said = [];
  for (const name of names) emitter.on(name, (...args) => said.push([name, ...args]));
  return said;
}
