// One pairing on the front page: the code, and what comes from its phone, or from each of several where its maker asked
// for that.

import { fill, h } from '../app/dom.js';
import { makeSignaling, sessionToken } from './common.js';
import { phoneLink } from './pair-link.js';
import { PhonePanel } from './pair-phone.js';
import { desktopEnd } from './words.js';

const PING_MS = 2000;

/**
 * Fills `body`. `ended(why)`: the session is over; `why` is a sentence where it ended by itself.
 */
export function showSession(body, { session: s, root, api, toast, ended }) {
  const link = phoneLink({ session: s, root, api, toast });
  const signaling = makeSignaling(api, { role: 'desktop', sessionId: s.sessionId, token: s.token });
  const several = s.phones > 1;
  const phones = new Phones({ signaling, session: s, api, toast, several });
  const timers = [];
  let over = false;
  let frame = null;

  const end = h(
    'button',
    {
      type: 'button',
      class: 'btn',
      onclick: async () => {
        const told = endIt();
        ended();
        await told; // of a session that there is
        // the phone is told, and the code opens nothing any more
        const path = `api/session/${encodeURIComponent(s.sessionId)}`;
        api.raw('DELETE', path, { headers: sessionToken(s.token) }).catch(() => {}); // gone, or it ends by itself
      },
    },
    'End session',
  );
  const [only] = phones.panels;
  fill(
    body,
    h(
      'div',
      { class: 'pair' },
      h('div', { class: 'stack' }, link.code),
      several
        ? h(
            'div',
            { class: 'stack' },
            link.words,
            h('p', { class: 'muted' }, `Up to ${s.phones} phones may scan it; each is shown by itself.`),
            phones.el,
            h('div', { class: 'row' }, end),
          )
        : h(
            'div',
            { class: 'stack' },
            h('div', { class: 'row' }, only.status),
            link.words,
            only.parts,
            h('div', { class: 'row' }, only.buttons, end),
          ),
    ),
  );

  const draw = () => {
    if (!body.isConnected || over || signaling.state === 'closed') return;
    for (const p of phones.panels) p.draw();
    frame = requestAnimationFrame(draw);
  };
  signaling.on('ready', () =>
    phones.are([...signaling.peers].filter(([, role]) => role === 'phone').map(([id]) => id)),
  );
  signaling.on('peer', (id, role, present) => {
    if (role === 'phone') present ? phones.came(id) : phones.left(id);
  });
  signaling.on('message', (m, kind) => phones.of(m.from)?.relayed(m, kind));
  signaling.on('state', (st, reason) => {
    if (st === 'waiting') for (const p of phones.panels) p.reconnecting();
    if (st === 'refused') {
      endIt();
      ended(desktopEnd(reason));
    }
  });
  function halt() {
    cancelAnimationFrame(frame);
    timers.splice(0).forEach(clearInterval);
    signaling.stop();
  }
  function start() {
    timers.push(
      setInterval(() => phones.panels.forEach((p) => p.showRate()), 1000),
      setInterval(() => phones.panels.forEach((p) => p.ping()), PING_MS),
    );
    signaling.start();
    draw();
  }
  function endIt() {
    over = true;
    const told = Promise.all(phones.panels.map((p) => p.end()));
    halt();
    return told;
  }
  window.addEventListener('pagehide', () => {
    if (over) return;
    for (const p of phones.panels) p.pause();
    halt();
  });
  // a recording is on this page alone: the browser asks before it closes it
  window.addEventListener('beforeunload', (e) => {
    if (!over && phones.panels.some((p) => p.recording)) e.preventDefault();
  });
  // back as it was, from the back and forward cache
  window.addEventListener('pageshow', (e) => {
    if (e.persisted && !over) start();
  });
  start();
}

/** The panels of a session: one that stays, or one for each phone that is there; of those that left, which recorded. */
class Phones {
  constructor({ several, ...of }) {
    Object.assign(this, { _several: several, _of: of });
    this._numbers = new Map(); // peer id -> the number it is called by, also when it was away meanwhile
    this.el = h('div', { class: 'stack', 'aria-label': 'Phones', role: 'group' });
    this.panels = several ? [] : [new PhonePanel(of)];
  }

  /** Of whom a message is. */
  of(from) {
    return this._several ? this.panels.find((p) => p.id === from) : this.panels[0];
  }

  /** Those, and no others, are at the server. */
  are(ids) {
    if (!this._several) {
      this.panels[0].begin(ids[0] ?? null);
      return;
    }
    for (const p of [...this.panels]) if (p.id !== null && !ids.includes(p.id)) this.left(p.id);
    for (const id of ids) this.came(id);
  }

  came(id) {
    const panel =
      (this._several && this.panels.find((p) => p.id === id)) || (this._several ? this._add(id) : this.panels[0]);
    panel.begin(id);
  }

  left(id) {
    const panel = this.of(id);
    if (!panel) return;
    panel.leave();
    if (!this._several || panel.recording) return;
    panel.end();
    panel.el.remove();
    this.panels = this.panels.filter((p) => p !== panel);
  }

  _add(id) {
    if (!this._numbers.has(id)) this._numbers.set(id, this._numbers.size + 1);
    const panel = new PhonePanel({ ...this._of, several: true });
    const name = `Phone ${this._numbers.get(id)}`;
    panel.el = h(
      'section',
      { class: 'panel stack', 'aria-label': name },
      h('div', { class: 'row' }, h('h3', {}, name), panel.status),
      panel.parts,
      h('div', { class: 'row' }, panel.buttons),
    );
    this.panels.push(panel);
    this.el.append(panel.el);
    return panel;
  }
}
