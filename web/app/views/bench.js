// The bench: a card per device with a live thumbnail, state, power (commanded and observed), lease.

import { deviceState, interfacesOf, key, samplesOf } from '../../core/store.js';
import { capital, humanize, quantity, toneOf } from '../../core/format.js';
import { badge, empty, fill, h, icon, Scope, set, text } from '../dom.js';
import { leaseState } from '../../core/lease.js';
import { powerWords, staleFor } from '../../core/truth.js';
import { whyNot } from './lease.js';
import { powerButton } from './power.js';

const REFRESH_MS = 1500; // of a thumbnail that is on the screen
const FAILED_MS = 5000;
const THUMB_QUALITY = 60;
const READINGS_MS = 3000;
const MANY = 8; // from here on there is a box to find a device
const PARALLEL = 2; // snapshots on their way at once: browsers have six connections per host

export function mount(root, svc) {
  const scope = new Scope();
  const grid = h('div', { class: 'cards', id: 'cards' });
  const count = h('span', { class: 'muted num' });
  const word = h('input', {
    class: 'input',
    type: 'search',
    placeholder: 'Name, label, state, holder',
    'aria-label': 'Find a device',
    id: 'find-device',
  });
  const find = h('div', { class: 'filter', hidden: true }, word);
  const attach = h('a', { class: 'btn', href: '#/resources' }, icon('plug'), 'Attach hardware');
  scope.add(
    svc.store.watch(
      (s) => (s.me?.role ?? 'admin') === 'admin',
      (may) => {
        attach.hidden = !may;
      },
    ),
  );
  root.append(
    h('div', { class: 'head' }, h('h1', {}, 'Bench'), count, h('span', { class: 'spacer' }), find, attach),
    grid,
  );

  const thumbs = new Thumbnails(svc, scope);
  const cards = new Map();
  const asked = new Set();

  function update(state) {
    for (const [id, card] of cards) {
      if (state.devices[id]) continue;
      card.close();
      cards.delete(id);
    }
    find.hidden = state.order.length < MANY;
    const words = find.hidden ? [] : word.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = state.order.filter((id) => words.every((w) => wordsOf(state.devices[id]).includes(w)));
    const all = `${state.order.length} device${state.order.length === 1 ? '' : 's'}`;
    text(count, !state.loaded ? '' : words.length ? `${found.length} of ${all}` : all);
    const wanted = found.map((id) => {
      if (!cards.has(id)) cards.set(id, new Card(id, svc, thumbs));
      const card = cards.get(id);
      card.update(state);
      for (const p of interfacesOf(state.devices[id], 'power')) {
        const k = key(id, p.name);
        if (asked.has(k) || state.power[k]?.at) continue; // the host has not looked yet
        asked.add(k);
        svc.readPower(id, p.name);
      }
      return card.el;
    });
    if (state.loaded && !wanted.length && words.length) {
      fill(grid, empty('screen', `No device matches “${word.value.trim()}”.`));
    } else if (state.loaded && !wanted.length) {
      fill(
        grid,
        empty(
          'plug',
          'No device is attached yet.',
          h('a', { class: 'btn primary', href: '#/resources' }, 'See what is plugged in'),
        ),
      );
    } else if (wanted.length !== grid.children.length || wanted.some((el, i) => grid.children[i] !== el)) {
      grid.replaceChildren(...wanted);
    }
  }

  word.addEventListener('input', () => update(svc.store.state));
  scope.add(svc.store.watch((s) => s, update));
  scope.add(svc.leases.on('change', () => update(svc.store.state)));
  scope.add(() => {
    for (const c of cards.values()) c.close();
  });
  return () => scope.close();
}

/** What the box above looks in. */
function wordsOf(d) {
  return [
    d.id,
    d.label,
    deviceState(d),
    d.lease?.holder,
    d.lease?.note,
    ...(d.interfaces ?? []).flatMap((i) => [i.name, i.driver]),
  ]
    .filter(Boolean)
    .join(' ')
    .toLowerCase();
}

class Card {
  constructor(id, svc, thumbs) {
    this.id = id;
    this.svc = svc;
    this._thumbs = thumbs;
    this._power = new Map();
    this.label = h('span', { class: 'muted ellipsis' });
    this.badge = badge('', 'neutral');
    this.reason = h('p', { class: 'reason' });
    this.kinds = h('div', { class: 'kinds' });
    this.powerLines = h('div', { class: 'power' });
    this.lease = h('div', { class: 'line' });
    this.none = h('div', { class: 'none' });
    this.image = h('canvas', { role: 'img', 'aria-label': `Screen of ${id}`, hidden: true });
    this.thumb = h('div', { class: 'thumb' }, this.none, this.image);
    this.foot = h('div', { class: 'foot' }, this.powerLines, this.lease);
    this.el = h(
      'article',
      { class: 'card', dataset: { device: id } },
      this.thumb,
      h(
        'div',
        { class: 'text' },
        h(
          'div',
          { class: 'name' },
          h('a', { class: 'title-link ellipsis', href: `#/d/${encodeURIComponent(id)}` }, id),
          this.badge,
        ),
        this.label,
        this.reason,
      ),
      this.foot,
    );
    this.foot.append(this.kinds);
  }

  update(state) {
    const device = state.devices[this.id];
    if (
      device === this._device &&
      state.power === this._powerState &&
      state.me === this._me &&
      this.svc.leases.isMine(this.id) === this._mine
    )
      return;
    this._me = state.me;
    this._device = device;
    this._powerState = state.power;
    this._mine = this.svc.leases.isMine(this.id);

    const word = deviceState(device);
    this.el.dataset.state = word;
    this.badge.className = `badge ${toneOf(word)}`;
    text(this.badge, word);
    text(this.label, device.label && device.label !== this.id ? device.label : '');
    const bad = (device.interfaces ?? []).filter((i) => i.reason && i.state !== 'ready');
    text(this.reason, bad.length ? `${bad[0].name}: ${bad[0].reason}` : '');
    this.reason.hidden = !bad.length;
    this.reason.title = bad[0]?.reason ?? ''; // two lines of it are seen: one long text would stretch all cards
    const kinds = (device.interfaces ?? []).map((i) => i.name).join(' ');
    if (kinds !== this._kinds) {
      this._kinds = kinds;
      fill(
        this.kinds,
        (device.interfaces ?? []).map((i) => h('span', { class: 'chip' }, i.name)),
      );
    }

    this._updatePower(device, state.power);
    this._updateLease(device);

    const video = interfacesOf(device, 'video')[0];
    if (video?.name !== this._video) {
      this._video = video?.name;
      this._thumbs.remove(this);
      if (video) this._thumbs.add(this, video.name);
    }
    if (!video && !this._read) {
      fill(this.none, icon('sensor'), h('span', {}, 'No screen'));
      this._readings(interfacesOf(device, 'sensors')[0]);
    }
  }

  /** What has no screen shows its latest readings instead. */
  _readings(iface) {
    if (!iface) return;
    const list = h('dl', { class: 'facts' });
    const read = async () => {
      if (document.hidden || !this.el.isConnected) return;
      try {
        const samples = samplesOf(await this.svc.api.sensors(this.id, iface.name)).slice(0, 5);
        if (!samples.length) return;
        fill(
          list,
          samples.map((s) => [
            h('dt', {}, capital(humanize(s.stream))),
            h(
              'dd',
              staleFor(s, this.svc.clock.now()) === null ? {} : { class: 'old', title: 'Old: nothing came since' },
              quantity(s.value, s.unit, s.quantity),
            ),
          ]),
        );
        if (!list.isConnected) this.thumb.replaceChildren(list);
      } catch {
        /* the state badge says it */
      }
    };
    this._read = setInterval(read, READINGS_MS);
    queueMicrotask(read);
  }

  _updatePower(device, power) {
    const names = interfacesOf(device, 'power').map((i) => i.name);
    for (const name of names) {
      let line = this._power.get(name);
      if (!line) {
        const words = h('span', {});
        const watts = h('span', { class: 'muted num' });
        const button = powerButton(this.svc, this.id, name);
        line = {
          el: h('div', { class: 'line' }, icon('power', 'Power'), words, watts, button.el),
          words,
          watts,
          button,
        };
        this._power.set(name, line);
        this.powerLines.append(line.el);
      }
      const p = power[key(this.id, name)];
      text(
        line.words,
        powerWords(
          p,
          device.interfaces.find((i) => i.name === name),
        ),
      );
      line.words.title = p?.error ?? '';
      text(line.watts, Number.isFinite(p?.watts) ? quantity(p.watts, 'W') : '');
      line.button.update(p, whyNot(this.svc, this.id));
    }
  }

  _updateLease(device) {
    const lease = device.lease;
    const what = leaseState(lease, this._mine, Date.now());
    const words = what === 'mine' ? 'Yours' : what === 'other' ? (lease.holder ?? 'taken') : 'Free';
    fill(
      this.lease,
      icon(what === 'free' ? 'unlock' : 'lock', 'Lease'),
      h(
        'span',
        { class: 'ellipsis' },
        words,
        lease?.note && what !== 'free' ? h('span', { class: 'muted' }, ` – ${lease.note}`) : null,
      ),
    );
  }

  /** Pixels that the picture has on this screen, in steps: the host compresses once for all who want the same. */
  width() {
    const px = (this.thumb.clientWidth || 320) * Math.min(2, window.devicePixelRatio || 1);
    return Math.min(1280, Math.ceil(px / 80) * 80);
  }

  /** Shows a picture, or says why there is none. */
  show(bitmap, why) {
    this.image.hidden = !bitmap;
    this.none.hidden = Boolean(bitmap);
    if (!bitmap) {
      fill(this.none, icon('screen'), h('span', {}, why));
      return;
    }
    if (this.image.width !== bitmap.width || this.image.height !== bitmap.height)
      set(this.image, { width: bitmap.width, height: bitmap.height });
    this.image.getContext('2d').drawImage(bitmap, 0, 0);
    bitmap.close();
  }

  close() {
    clearInterval(this._read);
    this._thumbs.remove(this);
    this.el.remove();
  }
}

/** Refreshes what is on the screen, about once a second each, never more than PARALLEL at once. */
class Thumbnails {
  constructor(svc, scope) {
    this._svc = svc;
    this._items = new Map(); // card -> {iface, visible, due, busy}
    this._busy = 0;
    this._observer = new IntersectionObserver(
      (entries) => {
        for (const e of entries) {
          for (const [card, item] of this._items) if (card.el === e.target) item.visible = e.isIntersecting;
        }
        this._turn();
      },
      { rootMargin: '80px' },
    );
    scope.interval(() => this._turn(), 250);
    scope.add(() => this._observer.disconnect());
  }

  add(card, iface) {
    this._items.set(card, { iface, visible: false, due: 0, busy: false });
    this._observer.observe(card.el);
    fill(card.none, icon('screen'), h('span', {}, 'Waiting for a picture'));
  }

  remove(card) {
    this._items.delete(card);
    this._observer.unobserve(card.el);
  }

  _turn() {
    if (document.hidden) return;
    const now = performance.now();
    const due = [...this._items]
      .filter(([, i]) => i.visible && !i.busy && i.due <= now)
      .sort((a, b) => a[1].due - b[1].due);
    for (const [card, item] of due) {
      if (this._busy >= PARALLEL) return;
      this._load(card, item);
    }
  }

  async _load(card, item) {
    item.busy = true;
    this._busy += 1;
    const started = performance.now();
    try {
      // fetched, not an <img>: that would show its cached picture again, and would not tell why there is none
      const response = await this._svc.api.raw('GET', this._svc.api.iface(card.id, item.iface, '/snapshot.jpg'), {
        query: { width: card.width(), quality: THUMB_QUALITY },
      });
      const bitmap = await createImageBitmap(await response.blob());
      if (this._items.has(card)) card.show(bitmap);
      else bitmap.close();
      item.due = started + REFRESH_MS;
    } catch (error) {
      if (this._items.has(card)) card.show(null, error.detail ?? error.title ?? 'No picture');
      item.due = started + FAILED_MS;
    } finally {
      item.busy = false;
      this._busy -= 1;
      this._turn();
    }
  }
}
