// The people of a call, each a tile: picture, name, what is off, and how the line to them is.

import { colourOf } from '../core/people.js';
import { h, icon, set, text } from '../app/dom.js';

const STATES = {
  connecting: 'Connecting',
  reconnecting: 'The connection was lost: another way is looked for',
  failed: 'There is no way to them through these networks.',
};

export class PersonTile {
  constructor({ userId, own = false, retry = () => {} }) {
    Object.assign(this, { userId, own });
    this._video = h('video', { autoplay: true, playsinline: true, 'aria-hidden': 'true' });
    this._video.muted = own; // nobody hears himself
    this._mark = h('span', { class: 'call-mark', 'aria-hidden': 'true' });
    this._words = h('p', { class: 'call-words', hidden: true });
    this._again = h('button', { type: 'button', class: 'btn', hidden: true, onclick: retry }, 'Try again');
    this._name = h('strong', {});
    this._muted = h('span', { class: 'call-sign', hidden: true }, icon('silent', 'microphone off'));
    this._hand = h('span', { class: 'call-sign hand', hidden: true }, icon('hand', 'raises a hand'));
    this._screen = h('span', { class: 'call-sign', hidden: true }, icon('screen', 'shows a screen'));
    this._poor = h('span', { class: 'call-sign', hidden: true, title: 'How poor their line is' });
    this.el = h(
      'article',
      {
        class: own ? 'call-tile own' : 'call-tile',
        tabindex: '0',
        dataset: { user: userId, colour: colourOf(userId) },
      },
      this._video,
      this._mark,
      h('div', { class: 'call-over' }, this._words, this._again),
      h('footer', {}, this._name, this._hand, this._screen, this._poor, this._muted),
    );
  }

  stream(stream) {
    if (this._video.srcObject === stream) return;
    this._video.srcObject = stream;
    this._video.play?.().catch(() => {});
  }

  output(deviceId) {
    this._video.setSinkId?.(deviceId).catch(() => {});
  }

  /** `line`: state of the connection; of oneself null. */
  show(p, line) {
    const name = p.guest ? `${p.name} (guest)` : p.name;
    text(this._name, this.own ? `${name}, you` : name);
    text(this._mark, [...p.name][0]?.toUpperCase() ?? '?');
    const seen = (p.videoEnabled || p.screenSharing) && (this.own || line === 'connected');
    this._mark.hidden = seen;
    this._video.classList.toggle('off', !seen);
    this._muted.hidden = p.audioEnabled;
    this._hand.hidden = !p.handRaised;
    this._screen.hidden = !p.screenSharing;
    this.el.classList.toggle('screen', p.screenSharing);
    const words = this.own
      ? ''
      : p.status === 'disconnected'
        ? 'Has lost the connection to the server'
        : line === 'connected'
          ? ''
          : (STATES[line] ?? STATES.connecting);
    const shown = p.status === 'disconnected' && line === 'connected' ? '' : words;
    text(this._words, shown);
    this._words.hidden = !shown;
    this._again.hidden = line !== 'failed';
    set(this.el, {
      'aria-label': [
        name,
        p.audioEnabled ? null : 'microphone off',
        p.videoEnabled ? null : 'camera off',
        p.screenSharing ? 'shows a screen' : null,
        p.handRaised ? 'raises a hand' : null,
        shown || null,
      ]
        .filter(Boolean)
        .join(', '),
    });
    this.el.dataset.line = line ?? '';
  }

  /** How poor their own line is, as they measured it; gone by itself when it is not said again. */
  trouble(words) {
    text(this._poor, words);
    this._poor.hidden = false;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      this._poor.hidden = true;
    }, 15000);
  }

  speaks(on) {
    this.el.classList.toggle('speaks', on);
  }

  close() {
    clearTimeout(this._timer);
    this._video.srcObject = null;
    this.el.remove();
  }
}
