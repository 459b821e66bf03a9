// What a phone sends, kept as CSV: start, stop, save.

import { Recording } from '../core/pairing-streams.js';
import { h, text } from '../app/dom.js';

/** `save()`: what was recorded so far is kept, for the session ends. */
export function recorder(toast) {
  let recording = null;
  const button = h('button', { type: 'button', class: 'btn', 'aria-pressed': 'false', onclick: toggle }, 'Record');
  function toggle() {
    if (!recording) {
      recording = new Recording();
      button.setAttribute('aria-pressed', 'true');
      text(button, 'Stop and save');
      return;
    }
    save();
  }
  function save() {
    if (!recording) return;
    const url = URL.createObjectURL(new Blob(recording.csv(), { type: 'text/csv' }));
    h('a', { href: url, download: `phone-${new Date().toISOString().replace(/[:.]/g, '-')}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    if (recording.full) toast.info('The recording was full: it holds what came first');
    recording = null;
    button.setAttribute('aria-pressed', 'false');
    text(button, 'Record');
  }
  return {
    button,
    save,
    get running() {
      return recording !== null;
    },
    add(m) {
      if (!recording) return;
      recording.add(m);
      text(button, `Stop and save ${recording.length} rows${recording.full ? ' (full)' : ''}`);
    },
  };
}
