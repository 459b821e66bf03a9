// What the views of a device are given on an observer's page: the same as app/services.js, of commands and topics.

import { Api, ApiError } from '../core/api.js';
import { CommandClient, pageName } from '../core/command.js';
import { Emitter } from '../core/emitter.js';
import { LinkApi } from '../core/link-api.js';
import { RemoteHost } from '../core/remote-host.js';
import { Store } from '../core/store.js';
import { HostClock } from '../core/truth.js';
import { whoIs } from '../core/who.js';
import { debug } from '../app/debug.js';
import { Leases } from '../app/leases.js';
import * as prefs from '../app/prefs.js';

const READ_MS = 8000;
const RELOAD_MS = 150; // several events in a row cause one look

/** `id`: the device, `full`: "host/device". */
export function remoteServices({ root, session, id, full, toast, announce, scope, people }) {
  const store = new Store();
  const clock = new HostClock();
  toast.known = (error) => error?.status === 0 && store.state.link.state !== 'open';
  const who = (user) => whoIs(user, people());
  const leases = new Leases({ toast, name: `leases.${full}`, kind: 'session', who });
  const commands = new CommandClient({ client: pageName(), lease: (device) => leases.secret(device), direct: false });
  const base = new URL('remote/', root).href;
  const kindOf = (name) => store.state.devices[id]?.interfaces?.find((i) => i.name === name)?.kind;
  const host = new RemoteHost({ base, commands, device: id, kindOf });
  const api = new Api({ base, fetch: host.fetch, lease: (device) => leases.secret(device), direct: false });
  leases.attach(api, store);

  async function readDevice() {
    try {
      const got = await commands.send(id, 'device.get', {}, { timeoutMs: READ_MS });
      store.dispatch({ type: 'devices', devices: [got?.device ?? got] });
    } catch (error) {
      if (error.status === 404) store.dispatch({ type: 'devices', devices: [] });
      else if (error.status !== 0) toast.warn('The device could not be read', error.message);
    }
  }
  let timer = null;
  const reload = () => {
    timer ??= setTimeout(() => {
      timer = null;
      readDevice();
    }, RELOAD_MS);
  };
  scope.add(() => clearTimeout(timer));

  commands.on('trace', debug);
  commands.on('sample', (s) => {
    if (s.type !== 'sample') return;
    clock.heard(s.t);
    store.dispatch({ type: 'sample', sample: { ...s, device: id } });
  });
  commands.on('event', (e) => {
    if (e.event === 'line') return;
    store.dispatch({ type: 'event', event: e });
    if (/^(device|lease|interface|people)\./.test(e.event) && e.event !== 'lease.renewed') reload();
    if (e.event === 'lease.asked') leases.asked(id, e.data);
    if (e.event === 'lease.answered' || e.event === 'lease.withdrawn') leases.settled(id, e.data);
  });
  // what was told by a way that is lost, or while there was none, is not known: that a lease has ended, for one
  commands.on('route', (way) => way && reload());
  commands.subscribe('sensor');
  commands.subscribe('event');

  return {
    remote: true,
    api,
    bytes: new LinkApi({ root, session, fetch: (...args) => fetch(...args), lease: (device) => leases.secret(device) }),
    fetch: host.fetch,
    WebSocket: host.WebSocket,
    store,
    commands,
    leases,
    who,
    toast,
    prefs,
    clock,
    announce,
    reload,
    readDevice,
    events: new Emitter(),
    // samples come by themselves, on whichever way is open
    telemetry: { direct: () => true, opened: () => () => {}, on: () => () => {} },
    async readPower(device, name) {
      try {
        store.dispatch({ type: 'power', device, interface: name, power: await api.power(device, name) });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status === 0) return;
        const before = store.state.power[`${device}/${name}`];
        store.dispatch({ type: 'power', device, interface: name, power: { ...before, error: error.detail } });
      }
    },
  };
}
