// What the page knows: devices, power, leases, samples, timeline. Pure reducers: (state, action) -> state; views
// subscribe and compare what they show by identity.

import { merged } from './series.js';

export const MAX_TIMELINE = 500;
export const MAX_POINTS = 3600; // per sensor stream
const MAX_WORDS = 80; // of a command's parameters in the timeline

export const initialState = Object.freeze({
  devices: {}, // id -> device as the API describes it
  order: [], // ids in the order to show
  loaded: false,
  power: {}, // "device/interface" -> {commanded, observed, watts, …}
  mounts: {}, // "device/interface" -> what GET mount answers
  samples: {}, // "device/interface/stream" -> {device, interface, stream, quantity, unit, t, value, points: [[t], [v]]}
  timeline: [], // newest first: {id, t, event, device, interface, data}
  link: { state: 'connecting', reason: null },
  health: null,
  refusal: null, // why this page may do nothing here, in the host's words
  me: null, // {user, role, host_name, named: by a token of one's own}; null: not known yet
});

export const key = (...parts) => parts.join('/');

/** Interfaces may carry what they know already: power does. */
function powerOf(state, devices) {
  let power = state.power;
  for (const d of devices) {
    for (const i of d.interfaces ?? []) {
      if (i.kind === 'power' && i.power && typeof i.power === 'object')
        power = { ...power, [key(d.id, i.name)]: i.power };
    }
  }
  return power;
}

function withDevice(state, device) {
  const known = Object.hasOwn(state.devices, device.id);
  return {
    ...state,
    power: powerOf(state, [device]),
    devices: { ...state.devices, [device.id]: device },
    order: known ? state.order : [...state.order, device.id].sort(),
  };
}

function withoutDevice(state, id) {
  const { [id]: _gone, ...devices } = state.devices;
  return { ...state, devices, order: state.order.filter((x) => x !== id) };
}

function patchDevice(state, id, patch) {
  const device = state.devices[id];
  return device ? { ...state, devices: { ...state.devices, [id]: { ...device, ...patch(device) } } } : state;
}

/** One event of the bus. What it does not say is read again from the API by whoever owns the store. */
function onEvent(state, event) {
  const { event: type, device, interface: iface, data = {} } = event;
  // it comes by the event stream and by the data channel: whichever is second must not undo what came after it
  if (event.id && state.timeline.some((e) => e.id === event.id)) return state;
  let next = state;
  if (type === 'interface.state' && device) {
    next = patchDevice(next, device, (d) => ({
      interfaces: (d.interfaces ?? []).map((i) =>
        i.name === iface ? { ...i, state: data.state ?? i.state, reason: data.reason ?? null } : i,
      ),
    }));
  } else if (type === 'power.state' && device) {
    // all that is known of it, or (older hosts) what has changed
    const k = key(device, iface ?? 'power');
    const old = 'at' in data ? {} : next.power[k];
    next = { ...next, power: { ...next.power, [k]: { ...old, ...data } } };
  } else if (type === 'mount.state' && device) {
    return { ...next, mounts: { ...next.mounts, [key(device, iface ?? 'mount')]: data } };
  } else if ((type === 'lease.taken' || type === 'lease.renewed') && device) {
    next = patchDevice(next, device, (d) => ({ lease: { ...d.lease, ...data } }));
  } else if (type === 'lease.ended' && device) {
    next = patchDevice(next, device, () => ({ lease: null }));
  } else if (type === 'device.removed' && device) {
    next = withoutDevice(next, device);
  } else if (type === 'sample') {
    return onSample(state, { device, interface: iface, t: event.t, ...data });
  }
  if (
    event.id === 0 ||
    event.id === undefined ||
    event.id === null ||
    type === 'line' ||
    type === 'input.clipboard' ||
    type === 'lease.renewed' ||
    type === 'lease.asked' ||
    type === 'lease.answered' ||
    type === 'lease.withdrawn' ||
    type === 'people.changed'
  )
    return next;
  return { ...next, timeline: [event, ...next.timeline].slice(0, MAX_TIMELINE) };
}

const onSample = (state, s) => onSamples(state, [s]);

/** A fast sensor's come many at once: the points of a stream are copied once for all of them. */
function onSamples(state, list) {
  const samples = { ...state.samples },
    fresh = new Set();
  for (const s of list) {
    if (!s.stream || !Number.isFinite(s.value)) continue;
    const k = key(s.device ?? '', s.interface ?? '', s.stream);
    const old = samples[k];
    const numbered = Number.isFinite(s.seq) && Number.isFinite(old?.seq); // what the host remembers has no numbers
    if (old && s.t <= old.t && (!numbered || s.seq <= old.seq)) continue;
    if (!fresh.has(k)) {
      const [ts, vs] = old?.points ?? [[], []];
      samples[k] = {
        device: s.device,
        interface: s.interface,
        stream: s.stream,
        quantity: null,
        unit: '',
        ...old,
        points: [ts.slice(-MAX_POINTS), vs.slice(-MAX_POINTS)],
      };
      fresh.add(k);
    }
    const one = samples[k];
    Object.assign(one, { t: s.t, seq: s.seq, value: s.value });
    one.quantity = s.quantity ?? one.quantity;
    one.unit = s.unit ?? one.unit;
    one.points[0].push(s.t);
    one.points[1].push(s.value);
  }
  for (const k of fresh) samples[k].points = samples[k].points.map((of) => of.slice(-MAX_POINTS));
  return fresh.size ? { ...state, samples } : state;
}

/**
 * What the host remembers, {stream: {quantity, unit, t: [ms], value: []}}: goes before, and between, what came live.
 */
function onSampleHistory(state, { device, interface: iface, streams }) {
  const samples = { ...state.samples };
  for (const [stream, { quantity, unit, t, value }] of Object.entries(streams)) {
    if (!t.length) continue;
    const k = key(device, iface, stream);
    const points = merged(samples[k]?.points ?? [[], []], [t, value], MAX_POINTS);
    samples[k] = {
      device,
      interface: iface,
      stream,
      quantity,
      unit,
      ...samples[k],
      t: points[0].at(-1),
      value: points[1].at(-1),
      points,
    };
  }
  return { ...state, samples };
}

export function reduce(state, action) {
  switch (action.type) {
    case 'devices': {
      const devices = Object.fromEntries(action.devices.map((d) => [d.id, d]));
      return {
        ...state,
        loaded: true,
        power: powerOf(state, action.devices),
        devices,
        order: action.devices.map((d) => d.id).sort(),
      };
    }
    case 'device':
      return withDevice(state, action.device);
    case 'device-gone':
      return withoutDevice(state, action.id);
    case 'power':
      return { ...state, power: { ...state.power, [key(action.device, action.interface)]: action.power } };
    case 'lease':
      return patchDevice(state, action.device, () => ({ lease: action.lease }));
    case 'event':
      return onEvent(state, action.event);
    case 'sample':
      return onSample(state, action.sample);
    case 'samples':
      return onSamples(state, action.samples);
    case 'sample-history':
      return onSampleHistory(state, action);
    case 'link':
      return { ...state, link: { state: action.state, reason: action.reason ?? null } };
    case 'health':
      return { ...state, health: action.health };
    case 'refusal':
      return { ...state, refusal: action.refusal };
    case 'me':
      return { ...state, me: action.me };
    default:
      throw new TypeError(`unknown action ${action.type}`);
  }
}

/** The input of a screen: of several it is the one that is named like it ("video2", "input2"). */
export function inputOf(device, video) {
  const all = interfacesOf(device, 'input');
  return all.find((i) => i.name.replace('input', '') === video.name.replace('video', '')) ?? all[0] ?? null;
}

/** The clipboard behind a device's input, as views/control.js wants it. `input`: () => the interface. */
export const clipboardOf = ({ api, commands, events }, id, input) => ({
  /** As a command: where there is none, that is no failed request. */
  read: () =>
    commands.send(id, `${input().name}.clipboard`, {}, { queue: false }).then(
      (answer) => answer?.text ?? null,
      (error) => {
        if (error.status === 413) return api.clipboard(id, input().name); // more than this way carries
        throw error;
      },
    ),
  onRoute: (fn) => commands.on('route', fn),
  /** There is another text: `fn({by})`, null: it was copied on the device itself. Told by each way that it comes. */
  onNew: (fn) => {
    const look = (e) => {
      if ((e?.event ?? e?.type) === 'input.clipboard' && e.device === id && e.interface === input()?.name)
        fn(e.data ?? {});
    };
    const undo = [commands.on('event', look), events.on('event', ({ data }) => look(data))];
    return () => undo.forEach((off) => off());
  },
});

/** Why an interface takes nothing now, '' when it does: "input is absent: the cable is out". */
export function awayWords(iface) {
  if (!iface || !['absent', 'fault'].includes(iface.state)) return '';
  return `${iface.name} ${iface.state === 'fault' ? 'has a fault' : 'is absent'}${iface.reason ? `: ${iface.reason}` : ''}`;
}

export class Store {
  constructor(state = initialState) {
    this.state = state;
    this._subscribers = new Set();
  }

  dispatch(action) {
    const next = reduce(this.state, action);
    if (next === this.state) return;
    const before = this.state;
    this.state = next;
    for (const fn of [...this._subscribers]) fn(next, before, action);
  }

  /** fn(state, before, action) after every change. Returns the undo. */
  subscribe(fn) {
    this._subscribers.add(fn);
    return () => this._subscribers.delete(fn);
  }

  /** fn(value) now and whenever what `select` picks has changed. */
  watch(select, fn) {
    let last = select(this.state);
    fn(last);
    return this.subscribe((state) => {
      const value = select(state);
      if (value === last) return;
      last = value;
      fn(value);
    });
  }
}

/** Interfaces of a device by kind. */
export function interfacesOf(device, kind) {
  return (device?.interfaces ?? []).filter((i) => i.kind === kind);
}

/** A touch screen: what has apps is driven by taps and swipes, not by a mouse. */
export function isPhone(device) {
  return interfacesOf(device, 'apps').length > 0;
}

/** One state for a device when the API gives none: the worst of its interfaces. */
export function deviceState(device) {
  if (device?.state) return device.state;
  const states = (device?.interfaces ?? []).map((i) => i.state);
  for (const s of ['fault', 'absent', 'opening', 'closing']) if (states.includes(s)) return s;
  return states[0] ?? 'unknown';
}

/** What a command was about, in its own words: `power.set` on, `shell.run` "ls /sdcard", `files.write` its path. */
function argumentsOf(params) {
  const words = Object.values(params ?? {})
    .filter((v) => typeof v === 'string' && v)
    .join(' ');
  return words ? ` ${words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS)}…` : words}` : '';
}

/** A sentence for an event of the bus; unknown types are told by their own words. */
export function describe(event) {
  const d = event.data ?? {};
  const what = event.interface ?? '';
  switch (event.event) {
    case 'device.added':
      return 'attached';
    case 'device.removed':
      return 'detached';
    case 'device.changed':
      return 'changed';
    case 'interface.state':
      return `${what} ${d.state === 'fault' ? 'has a fault' : `is ${d.state ?? '?'}`}${d.reason ? `: ${d.reason}` : ''}`;
    case 'power.state':
      return `${what} observed ${d.observed ?? 'unknown'}${d.commanded ? `, commanded ${d.commanded}` : ''}`;
    case 'lease.taken':
      return `lease taken by ${d.holder ?? 'somebody'}${d.note ? ` (${d.note})` : ''}`;
    case 'lease.ended':
      return `lease of ${d.holder ?? 'somebody'} ended${d.reason ? `: ${d.reason}` : ''}`;
    case 'lease.expiring':
      return `lease of ${d.holder ?? 'somebody'} is about to end`;
    case 'command':
      return `${d.user ?? 'somebody'}: ${d.verb ?? 'command'}${argumentsOf(d.params)}${d.ok === false ? ` refused${d.error ? `: ${d.error.detail ?? d.error.title ?? d.error}` : ''}` : ''}${d.via ? ` (${d.via})` : ''}`;
    case 'resource.added':
      return `found ${d.label ?? d.uri ?? 'hardware'}${d.label && d.uri ? `, ${d.uri}` : ''}${d.why ? `: ${d.why}` : ''}`;
    case 'resource.removed':
      return `${d.label ?? d.uri ?? 'hardware'} is gone`;
    case 'adb.state':
      return `adb lists ${d.serial ?? 'a phone'} as ${d.state ?? '?'}`;
    case 'server.connected':
      return `connected to the server${d.url ? ` ${d.url}` : ''}`;
    case 'server.lost':
      return `lost the server${d.url ? ` ${d.url}` : ''}${d.reason ? `: ${d.reason}` : ''}`;
    case 'usb.added':
    case 'usb.removed':
      return `USB ${d.port ?? '?'}: ${d.product ?? d.label ?? 'a device'} ${event.event === 'usb.added' ? 'plugged in' : 'unplugged'}${d.vendor_id ? ` (${d.vendor_id}:${d.product_id})` : ''}`;
    case 'usb.power':
      return `USB port ${d.port ?? '?'} power ${d.power ?? d.observed ?? '?'}`;
    case 'recording.mode':
      return `recorder ${d.mode}`;
    case 'recording.clip':
      return d.state === 'done' ? `clip kept${d.note ? `: ${d.note}` : ''}` : `clip failed: ${d.reason ?? '?'}`;
    case 'recording.stopped':
      return `recording stopped: ${d.reason ?? '?'}`;
    case 'recording.resumed':
      return 'recording goes on';
    case 'rule.fired':
      return `rule ${d.rule} fired${d.dry_run ? ' (dry run)' : ''}: ${d.cause}`;
    case 'rule.held':
      return `rule ${d.rule} was held back: ${d.why}`;
    case 'rule.refused':
      return `rule ${d.rule}: ${d.verb} refused: ${d.error?.detail ?? d.error?.title ?? ''}`;
    case 'rule.loop':
      return `rules set each other off and rest for ${Math.round((d.rest_s ?? 600) / 60)} minutes: ${d.rules ?? '?'}`;
    case 'rule.notify':
      return `${d.text} (rule ${d.rule}: ${d.cause})`;
    case 'rule.webhook':
      return `rule ${d.rule}: webhook ${d.url} ${d.state}${d.why ? `: ${d.why}` : ''}`;
    case 'rules.changed':
      return `rule ${d.rule} changed by ${d.user ?? 'somebody'}`;
    case 'people.changed':
      return d.people === 1 ? 'one person is with it' : `${d.people} people are with it`;
    case 'viewer.joined':
      return `a viewer joined${what ? ` ${what}` : ''}`;
    case 'viewer.left':
      return `a viewer left${what ? ` ${what}` : ''}`;
    default: {
      const rest = Object.entries(d)
        .filter(([, v]) => v !== null && typeof v !== 'object')
        .slice(0, 6)
        .map(([k, v]) => `${k} ${v}`)
        .join(', ');
      const words = event.event.replace(/[._-]+/g, ' ');
      return rest ? `${words}: ${rest}` : words;
    }
  }
}

/**
 * What sensors send, in any of its spellings: one sample, an array, {stream: {t, seq, …}} (the latest values), or an
 * event of the bus with a sample in `data`.
 */
export function samplesOf(message) {
  if (Array.isArray(message)) return message.flatMap(samplesOf);
  if (typeof message !== 'object' || message === null) return [];
  if (typeof message.stream === 'string') return Number.isFinite(message.value) ? [message] : [];
  if (message.type === 'sample' && message.data) return samplesOf({ t: message.t, ...message.data });
  return Object.entries(message)
    .filter(([, v]) => typeof v === 'object' && v !== null && Number.isFinite(v.value))
    .map(([stream, v]) => ({ ...v, stream, t: Number.isFinite(v.t) ? v.t : Date.parse(v.t) }));
}
