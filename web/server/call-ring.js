// It rings in every open page of who is called: who it is, and whether one comes.

import { CallLine } from '../core/call-line.js';
import { h, icon } from '../app/dom.js';
import * as prefs from '../app/prefs.js';

/** The socket of calls for who is here. `me`: of api/me; null: nobody is called here. */
export function lineOf(api, me, hello = {}) {
  const open = me?.by === 'open';
  const userId = open ? prefs.get('call-name', '') : '';
  if (!me || (open && !userId)) return null;
  return new CallLine({
    url: api.wsPath('ws'),
    protocols: () => api.wsProtocols(),
    WebSocket,
    hello: () => ({ ...hello, ...(userId ? { userId } : {}) }),
  });
}

let sound = null; // made by the first touch: browsers play nothing before

function beep() {
  try {
    sound ??= new AudioContext();
    const [tone, volume] = [sound.createOscillator(), sound.createGain()];
    volume.gain.value = 0.05;
    tone.frequency.value = 660;
    tone.connect(volume).connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + 0.4);
  } catch {
    /* silently, then */
  }
}

/** Rings on this page from now on; `skip(callId)`: one that is no news here. Returns what ends it. */
export function mountRing({ line, root, announce, skip = () => false, decline = () => {} }) {
  const shown = new Map(); // callId -> {el, end}
  const box = h('div', { class: 'ringing' });
  document.body.append(box);
  const end = (callId) => {
    shown.get(callId)?.end();
    shown.delete(callId);
  };
  const ring = ({ callId, calleeId, initiatedBy, type, ringsUntil }) => {
    const left = Date.parse(ringsUntil) - Date.now();
    if (shown.has(callId) || skip(callId) || !(left > 0)) return;
    const answer = h(
      'a',
      { class: 'btn primary', href: new URL(`call?id=${encodeURIComponent(callId)}`, root).href },
      icon(type === 'audio' ? 'mic' : 'camera'),
      'Answer',
    );
    const el = h(
      'section',
      { class: 'ring', role: 'alertdialog', 'aria-label': `${initiatedBy} is calling`, dataset: { call: callId } },
      h('p', {}, h('strong', {}, initiatedBy), ' is calling'),
      answer,
      h(
        'button',
        {
          type: 'button',
          class: 'btn danger',
          onclick: () => {
            end(callId);
            if (calleeId === line.userId) decline(callId); // who was only asked in ends it for nobody
          },
        },
        'Decline',
      ),
    );
    box.append(el);
    announce(`${initiatedBy} is calling`);
    beep();
    const tone = setInterval(beep, 2000);
    const over = setTimeout(() => end(callId), left);
    shown.set(callId, {
      end: () => {
        clearInterval(tone);
        clearTimeout(over);
        el.remove();
      },
    });
  };
  const off = line.on('said', (event, data) => {
    if (event === 'incoming-call') ring(data);
    else if (['call-answered', 'call-ended', 'call-cancelled'].includes(event)) end(data.callId);
  });
  return () => {
    off();
    for (const callId of [...shown.keys()]) end(callId);
    box.remove();
  };
}

/** Whoever was called does not come. One that is over already is none of theirs any more. */
export const declineCall = (api, id) =>
  api.json('POST', `webrtc/calls/${encodeURIComponent(id)}/missed`, { body: { reason: 'Declined' } }).catch(() => {});
