// The room of a session on an observer's page: who is there, what is said, and a marker on the picture that all see.

import { fromPicture, toPicture } from '../core/pointer.js';
import { timeOfDay } from '../core/words.js';
import { fill, h, icon, Scope, set, text } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { besides, BY, colourOf, nameHere, nameOf, wayWords } from '../core/people.js';

const FADE_MS = 4000;
const STEP = 0.02; // of the picture, by an arrow key

/** The panel beside the picture. `store`, `id`: the device, of which its host says who else is with it. */
export function mountRoom(root, { room, signaling, store, id, toast, announce }) {
  const scope = new Scope();
  const count = h('span', { class: 'badge plain' });
  const list = h('ul', { class: 'people', 'aria-label': 'People' });
  const name = h('input', {
    class: 'input',
    maxlength: '60',
    value: room.name,
    placeholder: 'a guest',
    autocomplete: 'nickname',
    'aria-label': 'Your name, as the others see it',
  });
  const naming = h('form', { class: 'row tight room-name' }, h('span', { class: 'small muted' }, 'You are'), name);
  const setName = (e) => {
    e?.preventDefault();
    const now = name.value.trim();
    if (now === room.name) return;
    prefs.put('my-name', now || null);
    room.setName(now);
  };
  naming.addEventListener('submit', setName);
  name.addEventListener('change', () => setName());

  const log = h('div', { class: 'talk', role: 'log', 'aria-label': 'What was said', tabindex: '0' });
  const said = h('input', {
    class: 'input',
    maxlength: '500',
    placeholder: 'Say something',
    'aria-label': 'Say something to all who watch',
    autocomplete: 'off',
  });
  const send = h('button', { type: 'submit', class: 'btn' }, 'Send');
  const form = h('form', { class: 'row tight room-say' }, said, send);
  let unheard = null; // what was sent last, until it comes back
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    const words = said.value.trim();
    if (!words) return;
    if (!room.say(words)) {
      toast.warn('Not sent', 'There is no connection to the server right now.');
      return;
    }
    unheard = words;
    said.value = '';
  });
  const nobody = h('p', { class: 'muted small' }, 'Nothing was said yet.');
  root.append(
    h(
      'section',
      { class: 'panel', id: 'room', 'aria-label': 'People' },
      h('header', {}, h('h2', {}, 'People'), count),
      h('div', { class: 'body stack' }, list, naming, nobody, log, form),
    ),
  );

  function showPeople() {
    const me = room.me;
    // this page's own place may not have been told yet
    const seen = me ? room.people : [...room.people, { peerId: signaling.peerId }];
    const others = besides(store.state.devices[id]?.people ?? [], seen);
    text(count, room.people.length + others.length);
    naming.hidden = me?.guest === false;
    fill(
      list,
      [...room.people, ...others].map((p) =>
        h(
          'li',
          { dataset: { colour: colourOf(p.peerId ?? p.user ?? '') } },
          icon(p.mode === 'control' ? 'keyboard' : 'eye', p.mode === 'control' ? 'may control' : 'watches'),
          h('strong', {}, p === me ? `${nameOf(p)}, you` : p.by ? nameHere(p) : nameOf(p)),
          h('span', { class: 'muted' }, [p.since ? wayWords(p) : '', BY[p.by] ?? ''].filter(Boolean).join(', ')),
          p.controls ? h('span', { class: 'chip' }, 'has control') : null,
        ),
      ),
    );
  }
  scope.add(room.on('people', showPeople));
  scope.add(store.watch((s) => s.devices[id]?.people, showPeople));
  scope.interval(showPeople, 10000); // since when
  const showLine = (line, { old } = {}) => {
    const mine = line.from === signaling.peerId;
    if (mine) unheard = null;
    nobody.hidden = true;
    log.hidden = false;
    const low = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(
      h(
        'p',
        {},
        h('time', { datetime: new Date(line.t).toISOString() }, timeOfDay(line.t)),
        ' ',
        h('strong', { dataset: { colour: colourOf(line.from) } }, mine ? 'you' : nameOf(line)),
        ' ',
        line.text,
      ),
    );
    while (log.children.length > 200) log.firstChild.remove();
    if (low || mine || old) log.scrollTop = log.scrollHeight;
    if (old || mine) return;
    const seen = log.getBoundingClientRect();
    if (document.hidden || seen.top > window.innerHeight || seen.bottom < 0) toast.info(nameOf(line), line.text);
    if (document.hidden) announce(`${nameOf(line)} says ${line.text}`);
  };
  log.hidden = true;
  room.lines.forEach((line) => showLine(line, { old: true }));
  scope.add(room.on('line', showLine));
  scope.add(
    signaling.on('problem', () => {
      if (unheard && !said.value) said.value = unheard; // it was refused: not lost
      unheard = null;
    }),
  );
  showPeople();
  return () => scope.close();
}

/**
 * Pointing on the picture: a button for its header, and the markers of all. `screen`: of mountScreen().
 */
export function mountPointing({ screen, room, scope, announce }) {
  const { stage, header, where } = screen;
  const layer = h('div', {
    class: 'pointing',
    role: 'application',
    'aria-label': 'Point on the picture: arrow keys move, Enter points, Escape ends',
  });
  const cross = h('div', { class: 'cross', hidden: true });
  layer.append(cross);
  stage.append(layer);
  const markers = new Map(); // from -> {el, timer}
  let on = false;
  let at = { x: 0.5, y: 0.5 };

  const button = h(
    'button',
    {
      type: 'button',
      class: 'btn quiet',
      id: 'point',
      'aria-pressed': 'false',
      title: 'Show the others a place on the picture',
      onclick: () => turn(!on),
    },
    icon('target'),
    'Point',
  );
  header.insertBefore(button, header.querySelector('.grow'));

  function turn(now) {
    on = now;
    set(button, { 'aria-pressed': String(on) });
    layer.classList.toggle('on', on);
    if (on) {
      layer.tabIndex = 0;
      layer.focus();
      announce('You point: what you press on the picture is shown to all, and does not reach the device');
    } else {
      layer.removeAttribute('tabindex');
      cross.hidden = true;
    }
  }

  const put = (el, { x, y }) => {
    const seen = fromPicture({ x, y }, where());
    const box = layer.getBoundingClientRect();
    el.style.left = `${seen.x - box.left}px`;
    el.style.top = `${seen.y - box.top}px`;
  };
  const press = (e) => {
    const to = toPicture({ x: e.clientX, y: e.clientY }, where());
    if (!to) return;
    at = to;
    room.point(to.x, to.y);
  };
  layer.addEventListener('pointerdown', (e) => {
    if (!on || e.button > 0) return;
    e.preventDefault();
    layer.setPointerCapture(e.pointerId);
    press(e);
  });
  layer.addEventListener('pointermove', (e) => {
    if (on && e.buttons & 1) press(e);
  });
  layer.addEventListener('keydown', (e) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (step) {
      const within = (v) => Math.min(1, Math.max(0, v));
      at = { x: within(at.x + step[0] * STEP), y: within(at.y + step[1] * STEP) };
      cross.hidden = false;
      put(cross, at);
    } else if (e.key === 'Enter' || e.key === ' ') {
      room.point(at.x, at.y);
    } else if (e.key === 'Escape') {
      turn(false);
      button.focus();
    } else return;
    e.preventDefault();
    e.stopPropagation();
  });

  scope.add(
    room.on('point', (p) => {
      const known = markers.get(p.from);
      const el = known?.el ?? h('div', { class: 'marker', dataset: { colour: colourOf(p.from) } }, h('span', {}));
      clearTimeout(known?.timer);
      text(el.firstChild, nameOf(p));
      layer.append(el);
      put(el, p);
      el.classList.remove('fades');
      void el.offsetWidth; // begins anew
      el.classList.add('fades');
      const timer = setTimeout(() => {
        markers.delete(p.from);
        el.remove();
      }, FADE_MS);
      markers.set(p.from, { el, timer, p });
    }),
  );
  const again = new ResizeObserver(() => {
    for (const { el, p } of markers.values()) if (p) put(el, p);
    if (!cross.hidden) put(cross, at);
  });
  again.observe(layer);
  scope.add(() => {
    again.disconnect();
    for (const { timer } of markers.values()) clearTimeout(timer);
  });
  return { turn };
}
