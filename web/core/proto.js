// The wire messages of `/ws`, `/host/ws` and the data channels: one table, one checker.
//
// Shared with the C side only through the golden files in tests/fixtures/proto/: a message is accepted here
// exactly when its golden file says so. Unknown fields are ignored, so that either side can grow first.
// An error names what is wrong as `code:path`: missing, type, value, unknown.

export const LIMITS = Object.freeze({
  messageChars: 256 * 1024,   // one text message, whatever its type
  sdpChars: 64 * 1024,
  candidateChars: 1024,
  textChars: 4096,            // one `text` input event
  inputEvents: 256,           // events in one input command
  topics: 32,                 // topics in one subscribe
  pixels: 8192,               // coordinates of a picture
});

export class ProtoError extends Error {
  constructor(code, path) {
    super(`${code}:${path}`);
    this.name = 'ProtoError';
    this.code = code;
    this.path = path;
  }
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const STREAM = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$/;
const VERB = /^[a-z0-9][a-z0-9._-]*\.[a-z][a-z0-9_-]*$/;          // <interface>.<op>
const TOPIC = /^[a-z][a-z0-9_.-]*(:[A-Za-z0-9][A-Za-z0-9._/-]{0,127})?$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

// ---- field checkers: (value, path) -> void, or throw ---------------------------------------------------

const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);

function str(min, max, pattern) {
  return (v, path) => {
    if (typeof v !== 'string') throw new ProtoError('type', path);
    if (v.length < min || v.length > max || (pattern && !pattern.test(v))) throw new ProtoError('value', path);
  };
}

function int(min, max = Number.MAX_SAFE_INTEGER) {
  return (v, path) => {
    if (typeof v !== 'number' || !Number.isInteger(v)) throw new ProtoError('type', path);
    if (v < min || v > max) throw new ProtoError('value', path);
  };
}

function num(min = -Number.MAX_VALUE, max = Number.MAX_VALUE) {
  return (v, path) => {
    if (typeof v !== 'number' || !Number.isFinite(v)) throw new ProtoError('type', path);
    if (v < min || v > max) throw new ProtoError('value', path);
  };
}

function oneOf(...allowed) {
  return (v, path) => {
    if (typeof v !== typeof allowed[0]) throw new ProtoError('type', path);
    if (!allowed.includes(v)) throw new ProtoError('value', path);
  };
}

function bool(v, path) {
  if (typeof v !== 'boolean') throw new ProtoError('type', path);
}

function object(fields = {}) {
  return (v, path) => {
    if (!isObject(v)) throw new ProtoError('type', path);
    checkFields(v, fields, path);
  };
}

function array(item, min, max) {
  return (v, path) => {
    if (!Array.isArray(v)) throw new ProtoError('type', path);
    if (v.length < min || v.length > max) throw new ProtoError('value', path);
    v.forEach((x, i) => item(x, `${path}[${i}]`));
  };
}

const nullable = (check) => (v, path) => { if (v !== null) check(v, path); };
const optional = (check) => Object.assign((v, path) => check(v, path), { optional: true });

function checkFields(message, fields, path) {
  for (const [name, check] of Object.entries(fields)) {
    const at = path ? `${path}.${name}` : name;
    if (message[name] === undefined) {
      if (!check.optional) throw new ProtoError('missing', at);
    } else {
      check(message[name], at);
    }
  }
}

// ---- the messages ---------------------------------------------------------------------------------------

const xyz = object({ x: num(), y: num(), z: num() });
const pixel = num(-1, LIMITS.pixels);
const routed = { to: optional(str(1, 128)), from: optional(str(1, 128)) };
const role = oneOf('desktop', 'phone');

/** Input events, as in POST …/input and in the params of `input.send`. Pixels of the video. */
export const INPUT_EVENTS = {
  // without `action`: pressed and released. `key` is a KeyboardEvent.key.
  key: { key: str(1, 64), action: optional(oneOf('press', 'down', 'up')) },
  text: { text: str(1, LIMITS.textChars) },
  pointer: { x: pixel, y: pixel, buttons: optional(int(0, 31)) },// bits of MouseEvent.buttons
  tap: { x: pixel, y: pixel },
  swipe: { x1: pixel, y1: pixel, x2: pixel, y2: pixel, ms: optional(int(0, 10000)) },
  scroll: { x: pixel, y: pixel, dx: optional(num(-100, 100)), dy: optional(num(-100, 100)) },// notches, down is positive
};

export function checkInput(event, path = '') {
  if (!isObject(event)) throw new ProtoError('type', path || 'event');
  const at = path ? `${path}.type` : 'type';
  if (event.type === undefined) throw new ProtoError('missing', at);
  if (typeof event.type !== 'string') throw new ProtoError('type', at);
  if (!Object.hasOwn(INPUT_EVENTS, event.type)) throw new ProtoError('unknown', at);
  checkFields(event, INPUT_EVENTS[event.type], path);
}

/** A verb is `<interface>.<op>`. Parameters of those under default interface names; the rest is for the host to judge. */
const VERBS = {
  'power.set': { state: oneOf('on', 'off') },
  'power.cycle': { off_s: optional(num(0, 120)) },
  'input.send': { events: array(checkInput, 1, LIMITS.inputEvents) },
  'console.write': { text: optional(str(0, 65536)), base64: optional(str(0, 65536, BASE64)) },
  'console.break': { ms: optional(int(1, 5000)) },
};

const TYPED = {
  hello: { role, sessionId: str(1, 128), token: str(1, 512) },
  ready: {
    role,
    peerId: optional(str(1, 128)),
    peers: optional(array(object({ peer: str(1, 32), peerId: str(1, 128) }), 0, 1024)),
    iceServers: optional(array(object(), 0, 16)),
  },
  error: { message: str(0, 1024), code: optional(str(1, 64)) },
  offer: { sdp: str(1, LIMITS.sdpChars), ...routed },
  answer: { sdp: str(1, LIMITS.sdpChars), ...routed },
  ice: {
    candidate: str(0, LIMITS.candidateChars),               // empty: end of candidates
    sdpMid: optional(nullable(str(0, 64))),
    sdpMLineIndex: optional(nullable(int(0, 255))),
    ...routed,
  },
  'ice-candidate': {
    data: object({
      candidate: str(0, LIMITS.candidateChars),
      sdpMid: optional(nullable(str(0, 64))),
      sdpMLineIndex: optional(nullable(int(0, 255))),
    }),
    ...routed,
  },
  bye: { reason: optional(str(0, 256)), ...routed },
  ping: { t: optional(int(0)) },
  pong: { t: optional(int(0)) },
  'peer-connected': { peer: str(1, 32), peerId: optional(str(1, 128)) },
  'peer-disconnected': { peer: str(1, 32), peerId: optional(str(1, 128)) },
  sensor: {
    t: int(0),
    seq: int(0),
    orientation: optional(object({ alpha: num(), beta: num(), gamma: num() })),
    gyro: optional(xyz),
    accel: optional(xyz),
  },
  sample: {
    stream: str(1, 64, STREAM),
    t: int(0),
    seq: int(0),
    unit: str(0, 16),
    value: num(),
    quantity: optional(str(1, 64)),
    device: optional(str(1, 64, NAME)),
    interface: optional(str(1, 64, NAME)),
  },
  event: {
    event: str(1, 64),
    t: int(0),
    device: optional(str(1, 64, NAME)),
    interface: optional(str(1, 64, NAME)),
    data: optional(object()),
  },
  console: {
    device: str(1, 64, NAME),
    interface: optional(str(1, 64, NAME)),
    offset: int(0),                                         // of the first byte
    base64: str(0, LIMITS.messageChars, BASE64),
  },
};

const COMMAND = {
  id: int(1),
  device: str(1, 64, NAME),
  verb: str(3, 96, VERB),
  params: optional(object()),
  lease: optional(str(1, 128)),
};

const topics = array(str(1, 192, TOPIC), 1, LIMITS.topics);
// `offset`: where the history of a console begins; without it, with what comes next
const SUBSCRIBE = { id: optional(int(1)), subscribe: topics, offset: optional(int(0)) };
const UNSUBSCRIBE = { id: optional(int(1)), unsubscribe: topics };
const RESULT = { id: int(1), ok: bool };
const PROBLEM = { status: int(100, 599), title: str(1, 256), detail: optional(str(0, 4096)), field: optional(str(0, 256)) };

/** What a message is: its `type`, or `command`, `subscribe`, `unsubscribe`, `result`. */
export function kindOf(message) {
  if (!isObject(message)) throw new ProtoError('type', 'message');
  if (message.type !== undefined) {
    if (typeof message.type !== 'string') throw new ProtoError('type', 'type');
    if (!Object.hasOwn(TYPED, message.type)) throw new ProtoError('unknown', 'type');
    return message.type;
  }
  if (message.subscribe !== undefined) return 'subscribe';
  if (message.unsubscribe !== undefined) return 'unsubscribe';
  if (message.ok !== undefined) return 'result';
  if (message.verb !== undefined) return 'command';
  throw new ProtoError('missing', 'type');
}

/** Checks one message; returns its kind, throws ProtoError. */
export function check(message) {
  const kind = kindOf(message);
  switch (kind) {
  case 'command':
    checkFields(message, COMMAND, '');
    if (Object.hasOwn(VERBS, message.verb)) {
      object(VERBS[message.verb])(message.params ?? {}, 'params');
      if (message.verb === 'console.write' && message.params?.text === undefined && message.params?.base64 === undefined)
        throw new ProtoError('missing', 'params.text');
    }
    break;
  case 'subscribe': checkFields(message, SUBSCRIBE, ''); break;
  case 'unsubscribe': checkFields(message, UNSUBSCRIBE, ''); break;
  case 'result':
    checkFields(message, RESULT, '');
    if (!message.ok) checkFields(message, { error: object(PROBLEM) }, '');
    break;
  case 'sensor':
    checkFields(message, TYPED.sensor, '');
    if (!message.orientation && !message.gyro && !message.accel) throw new ProtoError('missing', 'orientation');
    break;
  default:
    checkFields(message, TYPED[kind], '');
  }
  return kind;
}

/** Text from the wire -> {kind, message}. Never trusts: size, JSON, schema. */
export function parse(text) {
  if (typeof text !== 'string') throw new ProtoError('type', 'message');
  if (text.length > LIMITS.messageChars) throw new ProtoError('value', 'message');
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw new ProtoError('type', 'json');
  }
  message = normalize(message);
  return { kind: check(message), message };
}

/** Message -> text, checked first: what we would refuse we do not send either. */
export function serialize(message) {
  check(message);
  return JSON.stringify(message);
}

/**
 * Older phones wrap their reading: {type:"sensor", data:{alpha,beta,gamma,ts}}. It becomes the flat form;
 * such readings carry no sequence number, so their time stands in for it.
 */
export function normalize(message) {
  if (!isObject(message) || message.type !== 'sensor' || !isObject(message.data) || message.t !== undefined) return message;
  const { alpha, beta, gamma, ts } = message.data;
  const t = Number.isFinite(ts) ? Math.max(0, Math.round(ts)) : undefined;
  return { type: 'sensor', t, seq: t, orientation: { alpha, beta, gamma } };
}

/** Both spellings of a candidate message -> RTCIceCandidateInit. */
export function candidateOf(message) {
  const c = message.type === 'ice-candidate' ? message.data : message;
  return { candidate: c.candidate, sdpMid: c.sdpMid ?? null, sdpMLineIndex: c.sdpMLineIndex ?? null };
}

/** Names of all typed messages, for tests and docs. */
export const MESSAGE_TYPES = Object.freeze(Object.keys(TYPED));
