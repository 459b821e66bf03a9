// The page of one device, put together from the kinds of its interfaces.

import { humanize, toneOf } from '../../core/format.js';
import { deviceState, interfacesOf } from '../../core/store.js';
import { factWords } from '../../core/words.js';
import { actionButton, badge, confirmDialog, empty, fill, h, icon, Scope, tabs, text } from '../dom.js';
import { lazy } from '../lazy.js';
import { loadPlot } from '../plot.js';
import { loadXterm } from '../xterm.js';
import { mountApps } from './apps.js';
import { openAttach } from './attach.js';
import { mountFiles } from './files.js';
import { mountGeneric, mountInstrument } from './generic.js';
import { mountGpio } from './gpio.js';
import { settling } from '../settle.js';
import { deviceLayout } from './layout.js';
import { controlOf, mountLease, whyNot } from './lease.js';
import { mountListen } from './listen.js';
import { mountLogs } from './logs.js';
import { mountMount } from './mount.js';
import { mountPeople } from './people.js';
import { mountSensors } from './plots.js';
import { mountPower } from './power.js';
import { mountRecorder } from './recorder.js';
import { followSensors, mountReadings } from './sensors.js';
import { mountShell } from './shell.js';
import { mountConsole } from './terminal.js';
import { mountDeviceTimeline } from './timeline.js';
import { mountVideo } from './video.js';
import { mountVnc } from './vnc.js';

/** Panels by kind; what is not here gets the generic one. The order is the order of the tabs. */
const PANELS = {
  mount: mountMount,
  console: lazy(loadXterm, mountConsole),
  sensors: lazy(loadPlot, mountSensors),
  gpio: mountGpio,
  shell: mountShell,
  files: mountFiles,
  apps: mountApps,
  logs: mountLogs,
  instrument: mountInstrument,
};
const ELSEWHERE = new Set(['video', 'audio', 'power', 'input']);

export function mount(root, svc, { id, rest = [] }) {
  const scope = new Scope();
  let inner = null;
  let shape = null;
  let wanted = rest[0] ?? null;

  // Built again only when the set of interfaces changes, not with every state of one.
  function build(state) {
    const device = state.devices[id];
    if (!device) {
      if (!state.loaded && shape === null) {
        shape = 'loading';
        fill(root, h('h1', { class: 'sr-only' }, id), empty('screen', 'Loading'));
      } else if (state.loaded && shape !== 'gone') {
        shape = 'gone';
        inner?.();
        inner = null;
        fill(
          root,
          h('h1', { class: 'sr-only' }, id),
          empty(
            'plug',
            `There is no device “${id}” on this host.`,
            svc.remote ? null : h('a', { class: 'btn', href: '#/' }, 'Back to the bench'),
          ),
        );
      }
      return;
    }
    const now = JSON.stringify((device.interfaces ?? []).map((i) => [i.name, i.kind]));
    if (now === shape) return;
    shape = now;
    inner?.();
    inner = mountDevice(root, svc, device, wanted, (tab) => {
      wanted = tab;
    });
  }
  scope.add(svc.store.watch((s) => s, build));
  scope.add(() => inner?.());
  const unmount = () => scope.close();
  unmount.navigate = (parts) => {
    wanted = parts[0] ?? null;
    inner?.select?.(wanted);
  };
  return unmount;
}

function mountDevice(root, svc, device, wanted, onTab) {
  const { id } = device;
  const scope = new Scope();
  const control = controlOf(svc, id, scope);
  const of = (kind) => interfacesOf(device, kind);

  // ---- head ----
  const stateBadge = badge('', 'neutral');
  const label = h('span', { class: 'muted ellipsis' });
  const reasons = h('div', { class: 'stack link-banner', hidden: true });
  const quiet = settling(reasons);
  scope.add(quiet.close);
  const { el, first, picture, panels, rest } = deviceLayout();
  fill(
    root,
    h(
      'div',
      { class: 'head' },
      svc.remote ? null : h('a', { class: 'crumb', href: '#/', 'aria-label': 'Back to the bench' }, icon('back')),
      h('h1', {}, svc.title ?? id),
      label,
      stateBadge,
      svc.head ?? null,
    ),
    quiet.el,
    el,
  );

  scope.add(
    svc.store.watch(
      (s) => s.devices[id],
      (d) => {
        if (!d) return;
        const word = deviceState(d);
        stateBadge.className = `badge ${toneOf(word)}`;
        text(stateBadge, word);
        text(label, d.label && d.label !== id ? d.label : '');
        const bad = causesOf(d);
        reasons.hidden = !bad.length;
        const key = JSON.stringify(bad);
        if (reasons.dataset.key !== key) {
          reasons.dataset.key = key;
          fill(
            reasons,
            bad.map((c) =>
              h(
                'div',
                { class: `notice ${c.state === 'fault' ? 'bad' : 'warn'}`, role: 'status' },
                icon('warn'),
                h(
                  'p',
                  {},
                  h('strong', {}, c.names.join(', ')),
                  ` ${whatIs(c)}: ${c.reason}${/[?!]$/.test(c.reason) ? '' : '.'} `,
                  advice(c),
                ),
              ),
            ),
          );
        }
      },
    ),
  );

  // ---- the picture ----
  const videos = of('video');
  if (videos.length) {
    const stageBox = h('div', { class: 'stage-box' });
    picture.append(stageBox);
    let close = null;
    let mode = null;
    const modes = [
      ...videos.map((v) => ({
        id: v.name,
        label: videos.length > 1 ? humanize(v.name) : 'Live',
        iface: v,
        how: svc.mountVideo ?? mountVideo,
      })),
      ...(svc.remote ? [] : [{ id: 'vnc', label: 'VNC', iface: videos[0], how: mountVnc }]),
    ];
    const switches = modes.map((m) =>
      h('button', { type: 'button', class: 'btn', onclick: () => show(m.id) }, m.label),
    );
    const group = h('div', { class: 'group', role: 'group', 'aria-label': 'View', hidden: modes.length < 2 }, switches);
    const show = (which) => {
      if (which === mode) return;
      mode = which;
      const had = group.contains(document.activeElement) ? document.activeElement : null;
      close?.();
      fill(stageBox);
      switches.forEach((b, i) => b.setAttribute('aria-pressed', String(modes[i].id === which)));
      const m = modes.find((x) => x.id === which);
      close = m.how(stageBox, svc, { id, iface: m.iface, control, tools: [group] });
      had?.focus();
    };
    show(modes[0].id);
    scope.add(() => close?.());
  }

  // ---- panels ----
  const list = [];
  for (const kind of Object.keys(PANELS)) {
    for (const iface of of(kind))
      list.push({
        id: iface.name,
        label: iface.name === kind ? humanize(kind)[0].toUpperCase() + kind.slice(1) : iface.name,
        iface,
        how: PANELS[kind],
      });
  }
  for (const iface of device.interfaces ?? []) {
    if (!PANELS[iface.kind] && !ELSEWHERE.has(iface.kind))
      list.push({ id: iface.name, label: iface.name, iface, how: mountGeneric });
  }
  list.push({ id: 'events', label: 'Events', iface: null, how: mountDeviceTimeline });

  const body = h('div', { role: 'tabpanel', tabindex: '-1' });
  let closePanel = null;
  let open = null;
  const show = (which) => {
    const item = list.find((p) => p.id === which) ?? list[0];
    if (item.id === open) return;
    open = item.id;
    onTab(open);
    closePanel?.();
    fill(body);
    body.id = `panel-${item.id}`;
    body.setAttribute('aria-labelledby', `tab-${item.id}`);
    bar.select(item.id);
    closePanel = item.how(body, svc, { id, iface: item.iface, control });
  };
  const bar = tabs({
    label: `Panels of ${id}`,
    items: list,
    selected: list[0].id,
    onSelect: (tab) => {
      if (!svc.remote) history.replaceState(null, '', `#/d/${encodeURIComponent(id)}/${encodeURIComponent(tab)}`);
      show(tab);
    },
  });
  panels.append(h('section', { class: 'panel', 'aria-label': 'Panels' }, bar.el, body));
  scope.add(() => closePanel?.());

  // ---- beside them ----
  for (const iface of of('power')) scope.add(mountPower(first, svc, { id, iface, control }));
  // the first one is heard with the picture; of several, who comes by a link chooses one beside it
  const heard = svc.remote ? of('audio').slice(0, 1) : of('audio');
  for (const iface of heard.slice(videos.length ? 1 : 0))
    scope.add((svc.mountListen ?? mountListen)(first, svc, { id, iface }));
  scope.add(mountLease(first, svc, { id }));
  if (!svc.remote) scope.add(mountRecorder(rest, svc, { id }));
  scope.add(svc.mountRoom ? svc.mountRoom(rest) : mountPeople(rest, svc, { id }));
  for (const iface of of('sensors')) {
    followSensors(svc, { id, iface }, scope);
    scope.add(
      mountReadings(rest, svc, {
        id,
        iface,
        onOpen: () => {
          show(iface.name);
          body.scrollIntoView({ block: 'nearest' });
        },
      }),
    );
  }
  scope.add(mountInterfaces(rest, svc, id));
  // states of this device also come by the data channel, ahead of the event stream; the store takes each once
  scope.add(svc.commands.subscribe(`event:${id}`));

  show(wanted ?? list[0].id);
  const unmount = () => scope.close();
  unmount.select = (tab) => {
    if (tab) show(tab);
  };
  return unmount;
}

/** What is plugged in where the host can see it. */
const PLUGGED = new Set(['serial', 'v4l2', 'adb', 'usb']);

/** What is not as it should be, a row for each cause: a cable that is out takes several interfaces with it. */
function causesOf(device) {
  const causes = new Map();
  for (const i of device.interfaces ?? []) {
    if (!i.reason || i.state === 'ready') continue;
    const k = `${i.state} ${i.reason}`;
    const c = causes.get(k) ?? {
      state: i.state,
      reason: i.reason.replace(/[.\s]+$/, ''),
      names: [],
      kinds: [],
      drivers: [],
    };
    c.names.push(i.name);
    c.kinds.push(i.kind);
    c.drivers.push(i.driver);
    causes.set(k, c);
  }
  return [...causes.values()];
}

const whatIs = ({ state, names }) =>
  state === 'fault'
    ? names.length > 1
      ? 'have a fault'
      : 'has a fault'
    : `${names.length > 1 ? 'are' : 'is'} ${state}`;

/**
 * What to do about it. The host tries again by itself, and at once when a command comes.
 */
function advice({ state, kinds, drivers, reason }) {
  if (state === 'opening' || state === 'closing') return '';
  if (kinds.includes('power')) return 'Switching it on tries again at once.';
  if (/^lent to a program/.test(reason ?? '')) return 'It is used again by itself then, or when it is taken back.';
  if (state !== 'absent') return 'The host tries again by itself.';
  const cable = drivers.some((d) => PLUGGED.has(d)) ? 'Look at its cable and its power. ' : '';
  return `${cable}It is used again by itself when it is back.`;
}

/** What the device is made of, and detaching it. What comes by the same URI stands together. */
function mountInterfaces(root, svc, id) {
  const scope = new Scope();
  const list = h('ul', { class: 'list' });
  const change = actionButton(
    { class: 'btn quiet', id: 'device-change' },
    'Change …',
    () => openAttach(svc, { device: svc.store.state.devices[id] }),
    (e) => svc.toast.error(e, 'Change'),
  );
  const detach = actionButton(
    { class: 'btn quiet danger' },
    'Detach …',
    async () => {
      if (
        !(await confirmDialog({
          title: `Detach ${id}?`,
          message: 'The host forgets this device. Its hardware stays as it is and can be attached again.',
          action: 'Detach',
          danger: true,
        }))
      )
        return;
      await svc.api.detach(id);
      location.hash = '#/';
    },
    (e) => svc.toast.error(e, 'Detach'),
  );
  root.append(
    h(
      'section',
      { class: 'panel', 'aria-label': 'Interfaces' },
      h('header', {}, h('h2', {}, 'Interfaces'), change, detach),
      list,
    ),
  );
  // what the configuration names cannot be detached, and only an admin may
  scope.add(
    svc.store.watch(
      (s) => s.devices[id]?.stored !== false && s.me?.role === 'admin' && !whyNot(svc, id),
      (may) => {
        change.hidden = detach.hidden = !may;
      },
    ),
  );
  scope.add(
    svc.store.watch(
      (s) => s.devices[id],
      (device) => {
        const { interfaces, facts } = device ?? {};
        const groups = new Map();
        for (const i of interfaces ?? []) {
          const uri = i.uri ?? i.driver ?? '';
          groups.set(uri, [...(groups.get(uri) ?? []), i]);
        }
        fill(
          list,
          facts ? h('li', {}, h('div', { class: 'main facts' }, factWords(facts))) : null,
          [...groups].map(([uri, own]) =>
            h(
              'li',
              {},
              h(
                'div',
                { class: 'main' },
                own.map((i) =>
                  h(
                    'div',
                    { class: 'row' },
                    h('strong', {}, i.name),
                    i.name === i.kind ? null : h('span', { class: 'muted' }, i.kind),
                    h('span', { class: 'grow' }),
                    badge(i.state ?? 'unknown', toneOf(i.state)),
                  ),
                ),
                h('span', { class: 'uri' }, uri),
              ),
            ),
          ),
        );
      },
    ),
  );
  return () => scope.close();
}
