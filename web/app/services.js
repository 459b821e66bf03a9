// What every view is given: the API, the store that follows the bus, the command client, leases, messages.

import { Api, problemOf } from '../core/api.js';
import { CommandClient, pageName } from '../core/command.js';
import { EventStream } from '../core/events.js';
import { eventOf } from '../core/proto.js';
import { restVerbs, SocketRoute } from '../core/routes.js';
import { key, Store } from '../core/store.js';
import { Telemetry } from '../core/telemetry.js';
import { HostClock } from '../core/truth.js';
import { whoIs } from '../core/who.js';
import { debug } from './debug.js';
import { Leases } from './leases.js';
import * as prefs from './prefs.js';
import { mountQueue } from './queue.js';
import { makeToasts } from './toast.js';

const HIDDEN_MS = 30000; // a hidden page gives its connection back after this
const RELOAD_MS = 150; // several events in a row cause one reload
const QUEUE_MS = 20000; // a command waits so long for a host that is away: as long as a restart takes, and in sight
const PROBE_MS = 2500;

export function makeServices({ base, onAuth }) {
  const toast = makeToasts(document.body);
  const store = new Store();
  // that the host is away stands above the page, and who has no token is asked for one: it is not said again for each
  // thing that needs it
  toast.known = (error) => error?.status === 401 || (error?.status === 0 && store.state.link.state !== 'open');
  const everybody = () => Object.values(store.state.devices).flatMap((d) => d.people ?? []);
  const who = (user) => whoIs(user, everybody());
  const leases = new Leases({ toast, who });
  const api = new Api({
    base,
    fetch: (...args) => fetch(...args),
    token: () => prefs.get('token'),
    lease: (device) => leases.secret(device),
    onAuth,
  });
  leases.attach(api, store);

  const commands = new CommandClient({
    lease: (device) => leases.secret(device),
    queueMs: QUEUE_MS,
    client: pageName(),
  });
  commands.setRest(restVerbs(api), async () => {
    if (store.state.link.state === 'open') return true;
    try {
      await api.get('host/health', { signal: AbortSignal.timeout(PROBE_MS) });
      return true;
    } catch (error) {
      return error.status > 0; // an error of the host is an answer
    }
  });
  commands.on('trace', (line) => debug(line));
  mountQueue(document.body, commands);
  const telemetry = new Telemetry();
  const clock = new HostClock();
  const socket = new SocketRoute({ url: () => api.wsPath('host/ws'), protocols: () => api.wsProtocols(), WebSocket });
  commands.addRoute(socket);
  socket.on('change', () => commands.routesChanged());
  socket.on('message', (text) => commands.receive(text, socket.name));
  commands.on('event', (event) => store.dispatch({ type: 'event', event }));
  commands.on('sample', (s) => {
    clock.heard(s.t);
    store.dispatch({ type: 'sample', sample: s });
  });

  const events = new EventStream({
    url: api.url('host/events'),
    fetch: (...args) => fetch(...args),
    wsUrl: (last) => api.wsPath('host/events', { last_event_id: last }),
    wsProtocols: () => api.wsProtocols(),
    WebSocket,
    headers: () => api.headers(),
    lastEventId: '0', // the timeline begins with what the host still remembers
  });

  // ---- reading again what an event says has changed ----
  const dirty = new Set();
  let timer = null;
  function reload(id = '*', ms = RELOAD_MS) {
    dirty.add(id);
    timer ??= setTimeout(async () => {
      timer = null;
      const all = dirty.has('*');
      const ids = [...dirty];
      dirty.clear();
      try {
        if (all) store.dispatch({ type: 'devices', devices: listOf(await api.devices()) });
        else await Promise.all(ids.map(readOne));
      } catch (error) {
        if (error.status !== 0) toast.error(error, 'Reading the devices');
      }
    }, ms);
  }
  async function readOne(id) {
    try {
      store.dispatch({ type: 'device', device: await api.readDevice(id) });
    } catch (error) {
      if (error.status === 404) store.dispatch({ type: 'device-gone', id });
      else throw error;
    }
  }
  async function readPower(device, iface) {
    try {
      store.dispatch({ type: 'power', device, interface: iface, power: await api.power(device, iface) });
    } catch (error) {
      if (error.status === 0) return; // the host is away, and nothing was said of the switch
      store.dispatch({
        type: 'power',
        device,
        interface: iface,
        power: { ...store.state.power[key(device, iface)], error: error.detail ?? error.title },
      });
    }
  }

  // by HTTP the host says why no WebSocket opens: a proxy that changes Host, for example
  events.on('no-socket', async () => {
    try {
      await api.json('POST', 'host/ping');
      store.dispatch({ type: 'refusal', refusal: null });
    } catch (error) {
      if (error.status === 403 || error.status === 421) store.dispatch({ type: 'refusal', refusal: error.message });
    }
  });
  let wasOpen = false;
  events.on('state', (state, reason) => {
    store.dispatch({ type: 'link', state, reason });
    debug(`event stream ${state}${reason ? `: ${reason}` : ''}`);
    if (state !== 'open') return;
    commands.resetStreams(); // a host that restarted counts its samples from the start
    reload('*'); // what happened in a gap that the bus no longer has
    socket.start();
    if (wasOpen) whoAmI(); // perhaps another host, with another clock
    wasOpen = true;
  });
  events.on('event', ({ data }) => {
    const e = eventOf(data);
    if (!e) return;
    store.dispatch({ type: 'event', event: e });
    if (/^(device|lease|interface|people)\./.test(e.event) && e.event !== 'lease.renewed')
      reload(e.event === 'device.added' ? '*' : (e.device ?? '*'));
    if (e.event === 'lease.asked') leases.asked(e.device, e.data);
    if (e.event === 'lease.answered' || e.event === 'lease.withdrawn') leases.settled(e.device, e.data);
    if (e.event === 'command' && e.device && /\.(set|cycle)$/.test(e.data?.verb ?? '')) readPowerSoon(e.device);
  });
  function readPowerSoon(device) {
    for (const i of store.state.devices[device]?.interfaces ?? []) if (i.kind === 'power') readPower(device, i.name);
  }

  async function whoAmI() {
    try {
      const info = await api.info();
      clock.set(Date.parse(info.time));
      store.dispatch({ type: 'me', me: { ...info, named: Boolean(prefs.get('token')) } });
    } catch {
      /* the login page, or the link's state, says it */
    }
  }

  let hiddenTimer = null;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) hiddenTimer = setTimeout(() => events.stop(), HIDDEN_MS);
    else events.start();
  });
  function again() {
    events.stop();
    events.start();
  }
  window.addEventListener('online', again);

  return {
    api,
    store,
    commands,
    events,
    leases,
    who,
    toast,
    prefs,
    reload,
    readPower,
    telemetry,
    clock,
    again,
    start() {
      events.start();
      whoAmI();
      reload('*', 0); // beside the event stream, not a round trip behind it
    },
    /** Nothing is asked of the host any more, until start(). */
    stop() {
      events.stop();
      socket.stop();
    },
    /** Who that token is, from now on used; null: nobody. */
    async logIn(token) {
      const answer = await fetch(api.url('host/info'), {
        headers: { Authorization: `Bearer ${token}` },
        cache: 'no-store',
      });
      if (answer.status === 401) return null;
      if (!answer.ok) throw await problemOf(answer);
      prefs.put('token', token);
      return answer.json();
    },
    /** Read out by screen readers, not shown. */
    announce(message) {
      const region = document.getElementById('status');
      if (region) region.textContent = message;
    },
  };
}

/** Lists come as arrays or as {devices: [...]}. */
export function listOf(answer, name = 'devices') {
  if (Array.isArray(answer)) return answer;
  return Array.isArray(answer?.[name]) ? answer[name] : [];
}
