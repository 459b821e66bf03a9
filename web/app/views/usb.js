// The USB tree of the host: what is where, how fast, and power per port where the hub can switch it. The shape is that
// of GET /host/usb: {buses: [device]}; a device has port, speed_mbps, interfaces, nodes, and, when it is a hub,
// power_switching and ports: [{port, power, connected, overcurrent, device}].

import { actionButton, badge, confirmDialog, empty, fill, h, icon, Scope } from '../dom.js';

const RELOAD_MS = 5000;

export function mount(root, svc) {
  const scope = new Scope();
  const box = h('section', { class: 'panel', 'aria-label': 'USB tree' }, h('div', { class: 'body tree' }, 'Loading'));
  root.append(
    h(
      'div',
      { class: 'head' },
      h('h1', {}, 'USB'),
      h('span', { class: 'spacer' }),
      h('button', { type: 'button', class: 'btn', onclick: () => load() }, icon('cycle'), 'Refresh'),
    ),
    box,
  );
  let shown = '';
  let reading = null; // one at a time: hubs are asked over the bus, and a slow host must not pile them up

  let again = false;

  /** Resolves when what is shown is newer than the call. */
  function load() {
    if (document.hidden) return null;
    again = true;
    reading ??= (async () => {
      while (again && !scope.closed) {
        again = false;
        await read();
      }
      reading = null;
    })();
    return reading;
  }
  async function read() {
    try {
      const { buses = [] } = await svc.api.usb();
      if (scope.closed) return;
      const now = JSON.stringify(buses);
      if (now === shown) return;
      shown = now;
      const at = box.contains(document.activeElement) ? document.activeElement.closest('.node')?.dataset.port : null;
      if (!buses.length)
        fill(
          box,
          empty(
            'usb',
            'This host has no USB controller that the daemon can see. In a container or VM, pass one through.',
          ),
        );
      else
        fill(
          box,
          h(
            'div',
            { class: 'body tree' },
            h(
              'ul',
              {},
              buses.map((b) => h('li', {}, deviceNode(b, svc, load), portsOf(b, svc, load))),
            ),
          ),
        );
      if (at)
        [...box.querySelectorAll('.node')]
          .find((n) => n.dataset.port === at)
          ?.querySelector('button')
          ?.focus(); // drawn again under somebody's hands
    } catch (error) {
      shown = '';
      if (!scope.closed)
        fill(
          box,
          empty(
            'warn',
            error.message,
            h('button', { type: 'button', class: 'btn', onclick: () => load() }, 'Try again'),
          ),
        );
    }
  }
  scope.add(
    svc.store.watch(
      (s) => s.timeline[0],
      (e) => {
        if (e && /^usb\.|^resource\./.test(e.event)) load();
      },
    ),
  );
  scope.interval(() => {
    if (!reading) load();
  }, RELOAD_MS);
  load();
  return () => scope.close();
}

/** 480 -> "480 Mbit/s", 5000 -> "5 Gbit/s" */
export function speedWords(mbps) {
  return mbps >= 1000 ? `${mbps / 1000} Gbit/s` : `${mbps} Mbit/s`;
}

/** What a person calls it; a device without strings is told by its class or its ids. */
export function nameOf(d) {
  if (d.product) return d.product;
  if (d.class === 'hub') return 'Hub';
  const kinds = [...new Set((d.interfaces ?? []).map((i) => i.class).filter((c) => c && c !== 'vendor'))];
  return kinds.length ? `USB device (${kinds.join(', ')})` : 'USB device';
}

const SWITCHING = { 'per-port': 'power per port', ganged: 'power of all ports together', none: 'no power switching' };

/** The line of one device; `port` is the port that it sits in, which bears the power. */
function deviceNode(d, svc, reload, port = null) {
  const drivers = [
    ...new Set([...(d.interfaces ?? []).map((i) => i.driver), d.interfaces?.length ? null : d.driver].filter(Boolean)),
  ];
  const isHub = Array.isArray(d.ports);
  const name = nameOf(d);
  const line = h(
    'div',
    { class: 'node', dataset: { port: d.port } },
    h('span', { class: 'mono muted' }, d.port),
    h('span', { class: 'name' }, name),
    d.manufacturer ? h('span', { class: 'muted' }, d.manufacturer) : null,
    d.vendor_id ? h('span', { class: 'mono muted small' }, `${d.vendor_id}:${d.product_id ?? '????'}`) : null,
    Number.isFinite(d.speed_mbps) ? h('span', { class: 'chip' }, speedWords(d.speed_mbps)) : null,
    drivers.map((n) => h('span', { class: 'chip' }, n)),
    (d.nodes ?? [])
      .filter((n) => !n.startsWith('/dev/bus/'))
      .slice(0, 4)
      .map((n) => h('span', { class: 'chip mono' }, n)),
    isHub && SWITCHING[d.power_switching] ? h('span', { class: 'muted small' }, SWITCHING[d.power_switching]) : null,
    port ? portState(port) : null,
    h(
      'span',
      { class: 'end' },
      port ? powerSwitch(port, svc, reload) : null,
      d.port.includes('-') ? resetButton(d, name, svc, reload) : null,
    ),
  );
  return [line, ...(d.diagnosis ?? []).map((words) => h('p', { class: 'diagnosis' }, icon('warn'), words))];
}

function portState(p) {
  return [
    p.power ? badge(`power ${p.power}`, p.power === 'on' ? 'good' : 'neutral') : null,
    p.overcurrent ? badge('over-current', 'bad') : null,
    p.peer_guess ? h('span', { class: 'muted small' }, `with ${p.peer}: ${p.peer_guess}`) : null,
  ];
}

function portsOf(hub, svc, reload) {
  if (!hub.ports?.length) return null;
  const per = hub.power_switching === 'per-port' || hub.power_switching === null; // null: not known, the host may try
  return h(
    'ul',
    {},
    hub.ports.map((raw) => {
      const p = { ...raw, switchable: per && raw.power !== 'unknown' };
      if (p.device) return h('li', {}, deviceNode(p.device, svc, reload, p), portsOf(p.device, svc, reload));
      return h(
        'li',
        {},
        h(
          'div',
          { class: 'node', dataset: { port: p.port } },
          h('span', { class: 'mono muted' }, p.port),
          h('span', { class: 'muted' }, p.connected ? 'Something is plugged in, but not recognised' : 'Empty port'),
          portState(p),
          h('span', { class: 'end' }, powerSwitch(p, svc, reload)),
        ),
      );
    }),
  );
}

/** Only watching: nothing to press. */
const mayNot = (svc) => svc.store.state.me?.role === 'viewer';

function powerSwitch(p, svc, reload) {
  if (!p.switchable || mayNot(svc)) return null;
  const next = p.power === 'on' ? 'off' : 'on';
  return actionButton(
    { class: 'btn', 'aria-label': `Power ${next} port ${p.port}` },
    `Power ${next}`,
    async () => {
      if (
        next === 'off' &&
        p.device &&
        !(await confirmDialog({
          title: `Power off port ${p.port}?`,
          message: `${nameOf(p.device)} loses power.`,
          action: 'Power off',
          danger: true,
        }))
      )
        return;
      const now = await svc.api.usbPower(p.port, next);
      svc.announce(`Port ${p.port} is ${now?.observed ?? next}`);
      if (now?.observed && now.observed !== next)
        svc.toast.warn(`Port ${p.port}`, `Commanded ${next}, but the hub reads back ${now.observed}.`);
      await reload();
    },
    (e) => svc.toast.error(e, `Port ${p.port}`),
  );
}

function resetButton(d, name, svc, reload) {
  if (mayNot(svc)) return null;
  return actionButton(
    { class: 'btn quiet', 'aria-label': `Reset ${name} at ${d.port}` },
    'Reset',
    async () => {
      if (
        !(await confirmDialog({
          title: `Reset ${name}?`,
          message: 'The device is enumerated again; open connections to it break.',
          action: 'Reset',
          danger: true,
        }))
      )
        return;
      await svc.api.usbReset(d.port);
      await reload();
    },
    (e) => svc.toast.error(e, `Port ${d.port}`),
  );
}
