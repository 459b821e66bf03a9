// The sound of a device: whether it is heard, how loud it is, and why it is not. It is off until somebody presses the
// button: browsers ask for a gesture, and a microphone is on only while somebody listens.

import { humane } from '../../core/words.js';
import { loudness, METER } from '../../core/sound.js';
import { fill, h, icon, text } from '../dom.js';
import * as prefs from '../prefs.js';
import { settling } from '../settle.js';

const ALONE_MS = 1200; // after which the connection of before has gone (core/ladder.js)
const METER_MS = 100;
const WHY_MS = 2000; // of silence, before it is asked why, and between two questions

/**
 * @param {object} o
 * @param {string} o.id
 * @param {Scope} o.scope
 * @param {HTMLMediaElement} o.media      which plays it
 * @param {() => boolean} o.has           the device has sound at all
 * @param {() => object[]} [o.choices]    its interfaces [{name, label}], where one of several can be heard here
 * @param {() => Promise<string>} o.why   why there is none now; '' when it should be heard
 * @param {() => void} o.changed          `on` has changed: the connection is to carry it, or no more
 * @returns {{tools: Element[], note: Element, on, which, refresh(), heard(stream), played(from), carried(reason)}}
 */
export function mountSound({ id, scope, media, has, why, choices = () => [], changed }) {
  let on = false;
  let without = null; // why the way that there is carries no sound
  let source = null; // {context, analyser, node, samples, own}
  let silent = 0; // since when
  let asked = 0;

  const glyph = h('span', { class: 'glyph' });
  const button = h('button', { type: 'button', class: 'btn quiet icon-only', onclick: () => set(!on) }, glyph);
  // one of several; what is heard goes on until the other one is
  const select = h('select', {
    class: 'input',
    'aria-label': 'What is heard',
    hidden: true,
    onchange: () => {
      prefs.put(`sound.which.${id}`, select.value);
      silent = performance.now();
      if (on) changed();
    },
  });
  const bar = h('i');
  const meter = h('div', { class: 'level', role: 'meter', 'aria-label': `Sound level of ${id}`, hidden: true }, bar);
  meter.setAttribute('aria-valuemin', METER.min);
  meter.setAttribute('aria-valuemax', 0);
  const reason = h('p', {});
  const noteBar = h(
    'div',
    { class: 'stage-note', role: 'status', hidden: true, id: 'sound-notice' },
    icon('warn'),
    reason,
  );
  const note = settling(noteBar);
  scope.add(note.close);

  function say(words) {
    noteBar.hidden = !words;
    text(reason, words ? `No sound: ${words}` : '');
  }

  function show() {
    glyph.replaceChildren(icon(on ? 'sound' : 'silent'));
    const label = on ? 'Mute the sound' : 'Hear the sound';
    button.setAttribute('aria-label', label);
    button.setAttribute('aria-pressed', String(on));
    button.title = label;
    meter.hidden = !on;
    if (!on) say('');
    else if (without) say(without);
  }

  function set(now) {
    if (on === now) return;
    on = now;
    prefs.put(`sound.${id}`, on);
    media.muted = !on;
    silent = performance.now();
    if (!on) deafen();
    show();
    changed();
  }

  function deafen() {
    if (source) source.node.disconnect(source.analyser);
    if (source?.own) source.context.close().catch(() => {});
    source = null;
    bar.style.width = '0';
  }

  function measure(context, node, own) {
    const analyser = context.createAnalyser();
    analyser.fftSize = 2048;
    node.connect(analyser);
    source = { context, analyser, node, samples: new Float32Array(analyser.fftSize), own };
  }

  /** What is heard by another way, whose context it is, or (null) no more. */
  function played(from) {
    deafen();
    if (on && from) measure(from.context, from.node, false);
  }

  /** The stream that the picture comes by, whenever it is another one or has got a track. */
  function heard(stream) {
    deafen();
    media.muted = !on;
    if (!on || !stream?.getAudioTracks().length || typeof AudioContext !== 'function') return;
    const context = new AudioContext();
    context.resume().catch(() => {});
    measure(context, context.createMediaStreamSource(stream), true);
    media.play().catch((error) => {
      if (error?.name !== 'NotAllowedError') return;
      set(false); // the browser wants a gesture first
      media.play().catch(() => {});
    });
  }

  /** `why`: what there is instead of a connection that carries sound; null: it does. */
  function carried(reasonNow) {
    without = reasonNow;
    if (on) say(without ?? '');
  }

  async function ask(now) {
    if (now - silent < WHY_MS || now - asked < WHY_MS) return;
    asked = now;
    const words = await why().catch(() => '');
    if (on && !without) say(words ? humane(words) : '');
  }

  scope.interval(() => {
    if (!on) return;
    const now = performance.now();
    let level = METER.min;
    if (source) {
      source.analyser.getFloatTimeDomainData(source.samples);
      level = loudness(source.samples);
    }
    bar.style.width = `${METER.share(level) * 100}%`;
    meter.setAttribute('aria-valuenow', Math.round(level));
    meter.setAttribute('aria-valuetext', level <= METER.min ? 'silent' : `${Math.round(level)} dBFS`);
    if (level > METER.min) {
      silent = now;
      if (!without) say('');
    } else if (!without) {
      ask(now);
    }
  }, METER_MS);
  scope.add(deafen);

  function refresh() {
    button.hidden = !has();
    const all = choices();
    select.hidden = all.length < 2;
    if ([...select.options].map((o) => o.value).join() !== all.map((c) => c.name).join()) {
      const kept = prefs.get(`sound.which.${id}`);
      fill(
        select,
        all.map(({ name, label }) => h('option', { value: name }, label)),
      );
      select.value = all.some((c) => c.name === kept) ? kept : (all[0]?.name ?? '');
    }
    if (button.hidden) set(false);
  }
  show();
  refresh();
  // who listened to it before, and has pressed something on this page, hears it again
  if (!button.hidden && prefs.get(`sound.${id}`) && navigator.userActivation?.hasBeenActive) {
    on = true;
    media.muted = false;
    show();
  }
  return {
    tools: [button, select, meter],
    note: note.el,
    get on() {
      return on;
    },
    /** The interface that was chosen; null: there is no choice. */
    get which() {
      return select.hidden ? null : select.value;
    },
    refresh,
    heard,
    played,
    carried,
  };
}

/**
 * Connections with the sound that is wished. What was wished while another one was on its way is taken up when that one
 * stands alone. `make({audio, which})`: a client for the ladder.
 */
export function soundWishes(sound, make) {
  const made = new WeakMap(); // client -> with what
  const wish = () => (sound.on ? `of ${sound.which ?? ''}` : 'none');
  return {
    connect() {
      const client = make({ audio: sound.on, which: sound.which });
      made.set(client, wish());
      return client;
    },
    follow(ladder) {
      setTimeout(() => {
        if (ladder.rung === 'webrtc' && ladder.client && made.get(ladder.client) !== wish()) ladder.move();
      }, ALONE_MS);
    },
  };
}
