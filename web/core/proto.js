// The wire messages of `/ws`, `/host/ws` and the data channels: the checker of the table in messages.js, which is
// lib/proto/messages.json. The C side is held against the same table and the golden files in tests/fixtures/proto/.
// Unknown fields are ignored, so that either side can grow first.
// An error names what is wrong as `code:path`: missing, type, value, unknown.

import TABLE from './messages.js';

/** name -> number; of texts: bytes of their UTF-8. */
export const LIMITS = Object.freeze(
  Object.fromEntries(Object.entries(TABLE.limits).map(([name, l]) => [name, l.value])),
);

export class ProtoError extends Error {
  constructor(code, path) {
    super(`${code}:${path}`);
    this.name = 'ProtoError';
    this.code = code;
    this.path = path;
  }
}

// ---- field checkers: (value, path) -> void, or throw ---------------------------------------------------

const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);
const limit = (v) => (typeof v === 'string' ? LIMITS[v] : v);
const encoder = new TextEncoder();

/** Whether a text has at most `max` bytes; most are so short that nobody has to count. */
const fits = (text, max) => text.length * 3 <= max || (text.length <= max && encoder.encode(text).length <= max);

function string({ min = 0, max, name }) {
  const rule = name && TABLE.names[name];
  const pattern = rule && new RegExp(`^(?:${rule.pattern})$`);
  const most = limit(max ?? rule?.max ?? 'message');
  return (v, path) => {
    if (typeof v !== 'string') throw new ProtoError('type', path);
    if (v.length < min || !fits(v, most) || (pattern && !pattern.test(v))) throw new ProtoError('value', path);
  };
}

function number({ type, min, max }) {
  const whole = type === 'int';
  const least = limit(min) ?? (whole ? -LIMITS.integer : -Number.MAX_VALUE);
  const most = limit(max) ?? (whole ? LIMITS.integer : Number.MAX_VALUE);
  return (v, path) => {
    if (typeof v !== 'number' || !(whole ? Number.isInteger(v) : Number.isFinite(v)))
      throw new ProtoError('type', path);
    if (v < least || v > most) throw new ProtoError('value', path);
  };
}

function oneOf({ values }) {
  return (v, path) => {
    if (typeof v !== 'string') throw new ProtoError('type', path);
    if (!values.includes(v)) throw new ProtoError('value', path);
  };
}

function array({ items, min = 0, max }) {
  const check = checkerOf(items);
  return (v, path) => {
    if (!Array.isArray(v)) throw new ProtoError('type', path);
    if (v.length < min || v.length > limit(max)) throw new ProtoError('value', path);
    v.forEach((x, i) => check(x, `${path}[${i}]`));
  };
}

function object({ of }) {
  const fields = compiled(TABLE.types[of]);
  return (v, path) => {
    if (!isObject(v)) throw new ProtoError('type', path);
    checkFields(v, fields, path);
  };
}

function bool(v, path) {
  if (typeof v !== 'boolean') throw new ProtoError('type', path);
}

const MAKERS = {
  string,
  int: number,
  number,
  enum: oneOf,
  array,
  object,
  bool: () => bool,
  input: () => checkInput,
  any: () => () => {},
};

function checkerOf(field) {
  if (field.const) return () => {}; // it has chosen the message
  const check = MAKERS[field.type](field);
  return field.nullable
    ? (v, path) => {
        if (v !== null) check(v, path);
      }
    : check;
}

const compiled = (fields) => Object.entries(fields).map(([name, field]) => ({ name, field, check: checkerOf(field) }));

function checkFields(message, fields, path) {
  for (const { name, field, check } of fields) {
    const at = path ? `${path}.${name}` : name;
    if (message[name] !== undefined) check(message[name], at);
    else if (field.requiredWhen ? message[field.requiredWhen[0]] === field.requiredWhen[1] : !field.optional)
      throw new ProtoError('missing', at);
  }
}

const checksOf = ({ fields, anyOf = null, relayed = false }) => ({
  fields: compiled({ ...fields, ...(relayed ? TABLE.types.routed : {}) }),
  anyOf,
});
const mapped = (all, fn) => Object.fromEntries(Object.entries(all).map(([name, x]) => [name, fn(x)]));

function checkAll(message, { fields, anyOf }, path = '') {
  checkFields(message, fields, path);
  if (anyOf && anyOf.every((name) => message[name] === undefined))
    throw new ProtoError('missing', path ? `${path}.${anyOf[0]}` : anyOf[0]);
}

// ---- the messages ---------------------------------------------------------------------------------------

const INPUT = mapped(TABLE.input, compiled);
const VERBS = mapped(TABLE.verbs, checksOf); // parameters of those under default names; the host judges the rest
const MESSAGES = mapped(TABLE.messages, checksOf);
/** Names of all typed messages, of all input events: for tests. */
export const MESSAGE_TYPES = Object.freeze(
  Object.keys(TABLE.messages).filter((name) => TABLE.messages[name].fields.type),
);
export const INPUT_EVENTS = Object.freeze(Object.keys(TABLE.input));

/** Input events, as in POST …/input and in the params of `input.send`. Pixels of the video. */
export function checkInput(event, path = '') {
  if (!isObject(event)) throw new ProtoError('type', path || 'event');
  const at = path ? `${path}.type` : 'type';
  if (event.type === undefined) throw new ProtoError('missing', at);
  if (typeof event.type !== 'string') throw new ProtoError('type', at);
  if (!Object.hasOwn(INPUT, event.type)) throw new ProtoError('unknown', at);
  checkFields(event, INPUT[event.type], path);
}

/** What a message is: its `type`, or `command`, `subscribe`, `unsubscribe`, `result`. */
export function kindOf(message) {
  if (!isObject(message)) throw new ProtoError('type', 'message');
  if (message.type !== undefined) {
    if (typeof message.type !== 'string') throw new ProtoError('type', 'type');
    if (!MESSAGE_TYPES.includes(message.type)) throw new ProtoError('unknown', 'type');
    return message.type;
  }
  if (message.subscribe !== undefined) return 'subscribe';
  if (message.unsubscribe !== undefined) return 'unsubscribe';
  if (message.ok !== undefined) return 'result';
  if (message.verb !== undefined || message.device !== undefined) return 'command';
  throw new ProtoError('missing', 'type');
}

/** Checks one message; returns its kind, throws ProtoError. */
export function check(message) {
  const kind = kindOf(message);
  checkAll(message, MESSAGES[kind]);
  if (kind === 'command' && Object.hasOwn(VERBS, message.verb))
    checkAll(message.params ?? {}, VERBS[message.verb], 'params');
  return kind;
}

/** Text from the wire -> {kind, message}. Never trusts: size, JSON, schema. */
export function parse(text) {
  if (typeof text !== 'string') throw new ProtoError('type', 'message');
  if (!fits(text, LIMITS.message)) throw new ProtoError('value', 'message');
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
 * An event in the one form, {type:"event", event, t, id?, device?, interface?, data?}. The event stream has its name in
 * `type` (and, since there is one form, in `event` as well). Null: none.
 */
export function eventOf(message) {
  if (!isObject(message) || !Number.isInteger(message.t)) return null;
  if (message.type === 'event') return message;
  if (typeof message.type !== 'string' || !isObject(message.data)) return null;
  return { ...message, type: 'event', event: message.event ?? message.type };
}

/**
 * Older spellings become today's: phones that wrap their reading, {type:"sensor", data:{alpha,beta,gamma,ts}} (it has
 * no sequence number, so its time stands in for it), and events under their own name.
 */
export function normalize(message) {
  if (!isObject(message)) return message;
  if (message.type === 'sensor' && isObject(message.data) && message.t === undefined) {
    const { alpha, beta, gamma, ts } = message.data;
    const t = Number.isFinite(ts) ? Math.max(0, Math.round(ts)) : undefined;
    return { type: 'sensor', t, seq: t, orientation: { alpha, beta, gamma } };
  }
  return (!MESSAGE_TYPES.includes(message.type) && eventOf(message)) || message;
}

/** Both spellings of a candidate message -> RTCIceCandidateInit. */
export function candidateOf(message) {
  const c = message.type === 'ice-candidate' ? message.data : message;
  return { candidate: c.candidate, sdpMid: c.sdpMid ?? null, sdpMLineIndex: c.sdpMLineIndex ?? null };
}
