// The USB tree of the host: what is where, how fast, and power per port where the hub can switch it.

import { humanize } from '../../core/format.js';
import { actionButton, badge, confirmDialog, empty, fill, h, icon, Scope } from '../dom.js';

const RELOAD_MS = 5000;

export function mount(root, svc) {
  const scope = new Scope();
  const box = h('section', { class: 'panel' }, h('div', { class: 'body tree' }, 'Loading'));
  root.append(h('div', { class: 'head' }, h('h1', {}, 'USB'), h('span', { class: 'spacer' }), h('button', { type: 'button', class: 'btn', onclick: () => load() }, icon('cycle'), 'Refresh')), box);
  let shown = '';

  async function load() {
    if (document.hidden) return;
    try {
      const tree = await svc.api.usb();
      if (scope.closed) return;
      const now = JSON.stringify(tree);
      if (now === shown) return;
      shown = now;
      const tops = roots(tree);
      if (!tops.length) fill(box, empty('usb', 'This host sees no USB bus.'));
      else fill(box, h('div', { class: 'body tree' }, h('ul', {}, tops.map((n) => node(n, svc, load)))));
    } catch (error) {
      if (!scope.closed && !shown) fill(box, empty('usb', error.message));
    }
  }
  scope.add(svc.store.watch((s) => s.timeline[0], (e) => { if (e && /^usb\.|^resource\./.test(e.type)) load(); }));
  scope.interval(load, RELOAD_MS);
  load();
  return () => scope.close();
}

/** Nested or flat (by `port` "1-1.4"), the tree comes out the same. */
export function roots(answer) {
  const list = Array.isArray(answer) ? answer : answer?.buses ?? answer?.devices ?? answer?.tree ?? answer?.children ?? [];
  if (!list.length || list.some((n) => n.children || n.ports || n.devices)) return list;
  const byId = new Map(list.map((n) => [idOf(n), { ...n, children: [] }]));
  const tops = [];
  for (const n of byId.values()) {
    const parent = byId.get(n.parent) ?? byId.get(idOf(n).replace(/\.\d+$/, '')) ?? byId.get(idOf(n).replace(/-\d+$/, ''));
    if (parent && parent !== n) parent.children.push(n);
    else tops.push(n);
  }
  return tops;
}

const idOf = (n) => String(n.id ?? n.path ?? n.port ?? n.bus ?? n.name ?? '');

function node(n, svc, reload) {
  const id = idOf(n);
  const kids = [...(n.children ?? []), ...(n.ports ?? []), ...(n.devices ?? [])];
  if (n.device && typeof n.device === 'object') kids.push(n.device);
  const name = n.product ?? n.name ?? n.label ?? (n.empty || !n.vendor_id ? 'Empty port' : 'USB device');
  const ids = n.vendor_id !== undefined ? `${hex(n.vendor_id)}:${hex(n.product_id)}` : n.ids ?? null;
  const power = typeof n.power === 'string' ? n.power : n.power === true ? 'on' : n.power === false ? 'off' : n.port_power ?? null;
  const can = n.switchable ?? n.power_switching ?? n.can_switch ?? power !== null;
  const fail = (e) => svc.toast.error(e, `Port ${id}`);
  return h('li', {},
    h('div', { class: 'node' }, h('span', { class: 'mono muted' }, id), h('span', { class: 'name' }, name),
      n.manufacturer ? h('span', { class: 'muted' }, n.manufacturer) : null,
      ids ? h('span', { class: 'mono muted small' }, ids) : null,
      n.speed ? h('span', { class: 'chip' }, Number.isFinite(Number(n.speed)) ? `${n.speed} Mbit/s` : humanize(n.speed)) : null,
      n.driver ? h('span', { class: 'chip' }, [n.driver].flat().join(', ')) : null,
      power ? badge(`power ${power}`, power === 'on' ? 'good' : 'neutral') : null,
      h('span', { class: 'end' },
        power && can ? actionButton({ class: 'btn', 'aria-label': `Power ${power === 'on' ? 'off' : 'on'} port ${id}` }, power === 'on' ? 'Power off' : 'Power on', async () => {
          if (power === 'on' && !await confirmDialog({ title: `Power off port ${id}?`, message: 'What is plugged in there loses power.', action: 'Power off', danger: true })) return;
          await svc.api.usbPower(id, power === 'on' ? 'off' : 'on');
          await reload();
        }, fail) : null,
        n.vendor_id !== undefined && id.includes('-') ? actionButton({ class: 'btn quiet', 'aria-label': `Reset ${name} at ${id}` }, 'Reset', async () => {
          if (!await confirmDialog({ title: `Reset ${name}?`, message: 'The device is enumerated again; open connections to it break.', action: 'Reset', danger: true })) return;
          await svc.api.usbReset(id);
          await reload();
        }, fail) : null)),
    kids.length ? h('ul', {}, kids.map((k) => node(k, svc, reload))) : null);
}

function hex(v) {
  return typeof v === 'number' ? v.toString(16).padStart(4, '0') : String(v ?? '').replace(/^0x/, '');
}
