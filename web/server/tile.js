// One device on the wall: a small picture by the server, as large as it is shown and only while it can be seen; a large
// one peer to peer, where that works.

import { RemotePeer } from '../core/peer.js';
import { parseBinary, PictureSink } from '../core/relay.js';
import { h, icon, set, text } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { makeSignaling, sessionToken } from './common.js';

const LARGE_PX = 700; // from that width on a tile is worth a connection of its own
const GONE_MS = 1500; // out of sight for so long: nothing comes any more
const AGAIN_MS = 10000;
const OLD_MS = 6000; // without a picture: what is there is not live
const KEPT = 'wall.sessions';

export class Tile {
  /** `acts`: {remove(), move(step), large()} of the wall. */
  constructor({ name, api, root, acts }) {
    Object.assign(this, { name, _api: api, _root: root });
    this._signaling = null;
    this._peer = null;
    this._subscribed = 0; // the width that was asked for
    this._seen = false;
    this._picture = 0; // when one was shown
    this._canvas = h('canvas', { role: 'img', 'aria-label': `Screen of ${name}`, hidden: true });
    this._video = h('video', { muted: true, autoplay: true, playsinline: true, hidden: true, 'aria-hidden': 'true' });
    this._video.muted = true;
    this._words = h('p', {}, 'Connecting');
    this._way = h('span', { class: 'way', hidden: true });
    this._open = h('a', { class: 'btn quiet', href: '.', target: '_blank', rel: 'noopener' }, 'Open');
    const button = (label, name_, run) =>
      h(
        'button',
        { type: 'button', class: 'btn quiet icon-only', 'aria-label': `${label} ${name}`, title: label, onclick: run },
        icon(name_),
      );
    this._enlarge = button('Enlarge', 'expand', () => acts.large());
    this.el = h(
      'article',
      { class: 'tile', tabindex: '0', dataset: { device: name }, 'aria-label': name },
      h(
        'header',
        {},
        h('strong', {}, name),
        h('span', { class: 'grow' }),
        this._open,
        this._enlarge,
        button('Remove', 'close', () => acts.remove()),
      ),
      h('div', { class: 'face' }, this._canvas, this._video, this._words, this._way),
    );
    this.el.addEventListener('keydown', (e) => {
      if (e.target !== this.el) return;
      const run = {
        Enter: () => acts.large(),
        Delete: () => acts.remove(),
        ArrowLeft: () => acts.move(-1),
        ArrowRight: () => acts.move(1),
      }[e.key];
      if (!run || (e.key.startsWith('Arrow') && !e.shiftKey)) return;
      e.preventDefault();
      run();
    });
    this._video.addEventListener('loadeddata', () => this._peer && this._show(this._video, 'WebRTC'));
    this._sink = new PictureSink(async ({ jpeg }) => {
      const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
      Object.assign(this._canvas, { width: bitmap.width, height: bitmap.height });
      this._canvas.getContext('2d').drawImage(bitmap, 0, 0);
      bitmap.close();
      this._picture = Date.now();
      if (this._video.hidden) this._show(this._canvas, '');
    });
    this._clock = setInterval(() => this._look(), 1000);
  }

  /** Whether it can be seen; what cannot costs nothing. */
  seen(on) {
    clearTimeout(this._away);
    if (on === this._seen) return;
    if (on) {
      this._seen = true;
      this._begin();
    } else {
      this._away = setTimeout(() => {
        this._seen = false;
        this._stop();
      }, GONE_MS);
    }
  }

  /** Whether it is the large one: its button then makes it small again, and shows that. */
  enlarged(on) {
    this.el.classList.toggle('large', on);
    set(this._enlarge, { 'aria-pressed': String(on), title: on ? 'As small as the others (Escape)' : 'Enlarge' });
  }

  resized() {
    if (this._signaling?.state === 'ready') this._want();
  }

  close({ forget = false } = {}) {
    clearTimeout(this._away);
    clearTimeout(this._again);
    clearInterval(this._clock);
    this._stop();
    const kept = prefs.get(KEPT, {}, 'session');
    const own = kept[this.name];
    if (!forget || !own) return;
    delete kept[this.name];
    prefs.put(KEPT, kept, 'session');
    const path = `api/session/${encodeURIComponent(own.sessionId)}`;
    this._api.raw('DELETE', path, { headers: sessionToken(own.token) }).catch(() => {});
  }

  _say(words) {
    text(this._words, words);
    this._words.hidden = !words;
  }

  _show(el, way) {
    this._canvas.hidden = el !== this._canvas;
    this._video.hidden = el !== this._video;
    this._way.hidden = !way;
    text(this._way, way);
    this._say('');
  }

  _look() {
    if (!this._video.hidden && this._video.readyState >= 2) this._picture = Date.now();
    this.el.classList.toggle('old', this._seen && this._picture > 0 && Date.now() - this._picture > OLD_MS);
  }

  /** The link that this wall has of the device: that of before while it is good. */
  async _session() {
    const kept = prefs.get(KEPT, {}, 'session');
    if (kept[this.name]) return kept[this.name];
    const body = { device: this.name, mode: 'view', observers: 2, note: 'Wall' };
    const { sessionId, token, viewUrl } = await this._api.json('POST', 'api/session', { body });
    const own = { sessionId, token, viewUrl };
    prefs.put(KEPT, { ...prefs.get(KEPT, {}, 'session'), [this.name]: own }, 'session');
    return own;
  }

  _forget() {
    const kept = prefs.get(KEPT, {}, 'session');
    delete kept[this.name];
    prefs.put(KEPT, kept, 'session');
  }

  async _begin() {
    clearTimeout(this._again);
    if (this._signaling || this._beginning) return;
    this._beginning = true;
    try {
      const session = await this._session();
      if (!this._seen) return;
      this._open.href = new URL(session.viewUrl, this._root).href;
      this._connect(session);
    } catch (error) {
      const wait = error.extra?.retry_after_s ? error.extra.retry_after_s * 1000 : AGAIN_MS;
      this._say(error.status > 0 ? error.message : 'The server does not answer.');
      this._again = setTimeout(() => this._seen && this._begin(), wait);
    } finally {
      this._beginning = false;
    }
  }

  _connect(session) {
    const signaling = (this._signaling = makeSignaling(this._api, { role: 'desktop', ...session }));
    const mine =
      (fn) =>
      (...args) => {
        if (signaling === this._signaling) fn(...args);
      };
    const look = mine(() => {
      if (signaling.peerWithRole('phone')) this._want();
      else {
        this._end();
        this._say('Its host is not connected.');
      }
    });
    signaling.on('ready', look);
    signaling.on('peer', look);
    signaling.on(
      'binary',
      mine((bytes) => {
        const m = parseBinary(bytes);
        if (m?.kind === 'picture') this._sink.push(m);
      }),
    );
    signaling.on(
      'message',
      mine((m, kind) => {
        if (kind === 'result' && m.ok === false) this._say(m.error.detail ?? m.error.title);
        else if (kind === 'error') this._say(m.message);
      }),
    );
    signaling.on(
      'state',
      mine((state, reason) => {
        if (state === 'waiting') {
          this._end();
          if (!this._picture) this._say('The server does not answer.');
        }
        if (state !== 'refused') return;
        this._stop();
        this._forget(); // it has ended: another one is made
        this._say(reason);
        this._again = setTimeout(() => this._seen && this._begin(), 1000);
      }),
    );
    signaling.start();
  }

  /** What suits its size: a picture of that width, or a connection of its own. */
  _want() {
    const ratio = window.devicePixelRatio || 1;
    const wide = Math.round(this.el.clientWidth * ratio);
    const large = this.el.clientWidth >= LARGE_PX && typeof RTCPeerConnection === 'function' && !this._noPeer;
    if (large && !this._peer) this._peerTo(this._signaling.peerWithRole('phone'));
    else if (!large) this._endPeer();
    if (large && !this._video.hidden) return;
    const step = Math.max(160, Math.ceil(wide / 160) * 160);
    if (step === this._subscribed) return;
    this._subscribed = step;
    this._tell({ id: 1, subscribe: ['picture'], width: step });
  }

  _tell(message) {
    const to = this._signaling?.peerWithRole('phone');
    if (to) this._signaling.send({ ...message, to });
  }

  _peerTo(to) {
    const peer = (this._peer = new RemotePeer({
      signaling: this._signaling,
      to,
      asks: true,
      RTCPeerConnection,
      video: true,
    }));
    peer.on('track', (stream) => {
      if (peer !== this._peer) return;
      this._video.srcObject = stream;
      this._video.play().catch(() => {});
    });
    peer.on('state', (state) => {
      if (peer !== this._peer) return;
      if (state === 'connected' && this._subscribed) {
        this._tell({ unsubscribe: ['picture'] });
        this._subscribed = 0;
      }
      if (state !== 'failed' && state !== 'closed') return;
      this._noPeer = state === 'failed';
      this._endPeer();
      if (this._signaling?.state === 'ready') this._want();
    });
    peer.start().catch(() => this._endPeer());
  }

  _endPeer() {
    const peer = this._peer;
    this._peer = null;
    peer?.stop();
    this._video.srcObject = null;
    if (!this._video.hidden) this._show(this._canvas, '');
  }

  _end() {
    this._subscribed = 0;
    this._endPeer();
  }

  _stop() {
    this._end();
    const signaling = this._signaling;
    this._signaling = null;
    signaling?.stop();
  }
}
