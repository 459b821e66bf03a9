// A bench device beside the people of a call: its picture and sound peer to peer by the link that who has brought it
// gave, pictures through the server where that does not work; control is asked for of him.

import { RemotePeer } from '../core/peer.js';
import { parseBinary, PictureSink } from '../core/relay.js';
import { h, icon, text } from '../app/dom.js';
import { makeSignaling } from './common.js';

const WIDTH = 960; // of a picture through the server, px
const AGAIN_MS = 5000;

export class BenchTile {
  /** `acts`: {remove() or null, control() or null}. */
  constructor({ device, sessionId, token, name, api, acts }) {
    this.device = device;
    this._video = h('video', { autoplay: true, playsinline: true, hidden: true, 'aria-label': `Screen of ${device}` });
    this._canvas = h('canvas', { role: 'img', 'aria-label': `Screen of ${device}`, hidden: true });
    this._words = h('p', { class: 'call-words' }, 'Connecting');
    this._way = h('span', { class: 'call-sign' });
    const button = (label, picture, run) =>
      run ? h('button', { type: 'button', class: 'btn quiet', onclick: run }, icon(picture), label) : null;
    this.el = h(
      'article',
      { class: 'call-tile bench', tabindex: '0', dataset: { device }, 'aria-label': `Device ${device}` },
      this._video,
      this._canvas,
      h('div', { class: 'call-over' }, this._words),
      h(
        'footer',
        {},
        icon('plug', 'device'),
        h('strong', {}, device),
        this._way,
        button('Ask for control', 'keyboard', acts.control),
        button('Take away', 'close', acts.remove),
      ),
    );
    this._video.addEventListener('loadeddata', () => this._peer && this._show(this._video, ''));
    this._sink = new PictureSink(async ({ jpeg }) => {
      const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
      Object.assign(this._canvas, { width: bitmap.width, height: bitmap.height });
      this._canvas.getContext('2d').drawImage(bitmap, 0, 0);
      bitmap.close();
      if (this._video.hidden) this._show(this._canvas, 'by the server');
    });
    const signaling = (this._signaling = makeSignaling(api, { role: 'desktop', sessionId, token, name }));
    const look = () => {
      const to = signaling.peerWithRole('phone');
      if (to) this._connect(to);
      else this._say('Its host is not connected.');
    };
    signaling.on('ready', look);
    signaling.on('peer', (id, role, present) => {
      if (role !== 'phone') return;
      if (!present) this._endPeer();
      look();
    });
    signaling.on('binary', (bytes) => {
      const m = parseBinary(bytes);
      if (m?.kind === 'picture') this._sink.push(m);
    });
    signaling.on('state', (state, reason) => state === 'refused' && this._say(reason));
    signaling.start();
  }

  _say(words) {
    text(this._words, words);
    this._words.hidden = !words;
  }

  _show(el, way) {
    this._canvas.hidden = el !== this._canvas;
    this._video.hidden = el !== this._video;
    text(this._way, way);
    this._say('');
  }

  _connect(to) {
    if (this._peer || this._closed) return;
    const peer = (this._peer = new RemotePeer({
      signaling: this._signaling,
      to,
      asks: true,
      RTCPeerConnection,
      video: true,
      audio: true,
    }));
    peer.on('track', (stream) => {
      if (peer !== this._peer) return;
      this._video.srcObject = stream;
      this._video.play().catch(() => {});
    });
    peer.on('state', (state) => {
      if (peer !== this._peer || (state !== 'failed' && state !== 'closed')) return;
      this._endPeer();
      // pictures through the server meanwhile, and another look later
      this._signaling.send({ id: 1, subscribe: ['picture'], width: WIDTH, to });
      this._timer = setTimeout(() => this._signaling.state === 'ready' && this._connect(to), AGAIN_MS);
    });
    peer.start().catch(() => this._endPeer());
  }

  _endPeer() {
    const peer = this._peer;
    clearTimeout(this._timer);
    this._peer = null;
    peer?.stop();
    this._video.srcObject = null;
    this._video.hidden = true;
  }

  close() {
    this._closed = true;
    this._endPeer();
    this._signaling.stop();
    this.el.remove();
  }
}
