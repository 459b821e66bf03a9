// Clips of this device, the newest first: where each one stands, the clip in its place.

import { bytes, duration } from '../core/format.js';
import { timeOfDay } from '../core/words.js';
import { actionButton, badge, confirmDialog, empty, fill, h } from '../app/dom.js';

const STATES = { waiting: ['waits', 'warn'], sent: ['uploaded', 'good'], refused: ['refused', 'bad'] };
const TRIGGERS = { motion: 'Movement', audio: 'Noise', manual: 'By hand' };

export function clipList({ store, uploads, failed, changed }) {
  const box = h('section', { class: 'stack', 'aria-label': 'Clips of this device' });
  const open = new Map(); // clip -> {video, url}
  let shown = '';

  const close = (id) => {
    const one = open.get(id);
    open.delete(id);
    if (one) URL.revokeObjectURL(one.url);
  };

  async function play(clip) {
    const body = await store.body(clip.id);
    if (!body) throw new Error('This clip is not here any more.');
    close(clip.id);
    const url = URL.createObjectURL(body);
    const video = h('video', {
      src: url,
      controls: true,
      playsinline: true,
      'aria-label': `Clip of ${timeOfDay(clip.at)}`,
    });
    open.set(clip.id, { video, url });
    await show(true);
    await video.play().catch(() => {});
  }

  async function remove(clip, name) {
    const message =
      clip.state === 'sent'
        ? 'It is gone from this device. What the server has stays.'
        : 'It was not uploaded: it is gone then.';
    if (!(await confirmDialog({ title: `Delete ${name}?`, message, action: 'Delete', danger: true }))) return;
    close(clip.id);
    await store.remove(clip.id);
    await changed();
  }

  function row(clip) {
    const name = `${TRIGGERS[clip.trigger] ?? clip.trigger} at ${timeOfDay(clip.at)}`;
    const act = (label, run, cls = 'btn') =>
      actionButton({ class: cls, 'aria-label': `${label}: ${name}` }, label, run, (e) => failed(e, label));
    const again = async () => {
      await store.change(clip.id, { state: 'waiting', tries: 0 });
      uploads.run();
    };
    return h(
      'li',
      { class: 'capture-clip', dataset: { clip: clip.id } },
      h(
        'div',
        { class: 'row' },
        h('strong', {}, name),
        badge(...STATES[clip.state]),
        h('span', { class: 'muted small num' }, `${duration(clip.seconds)}, ${bytes(clip.size)}`),
      ),
      clip.why && clip.state !== 'sent' ? h('span', { class: 'muted small' }, clip.why) : null,
      h(
        'div',
        { class: 'row' },
        act('Play', () => play(clip)),
        clip.state === 'sent'
          ? h('a', { class: 'btn quiet', href: `timeline?event=${encodeURIComponent(clip.id)}` }, 'Event')
          : null,
        clip.state === 'refused' ? act('Try again', again) : null,
        act('Delete', () => remove(clip, name), 'btn danger'),
      ),
      open.get(clip.id)?.video,
    );
  }

  /** As they are now; `anew`: although nothing of what is told of them has changed. How many wait. */
  async function show(anew = false) {
    const clips = await store.list();
    const key = JSON.stringify(clips);
    if (key !== shown || anew) {
      shown = key;
      for (const id of [...open.keys()]) if (!clips.some((c) => c.id === id)) close(id);
      fill(
        box,
        clips.length
          ? h('ul', { class: 'list panel' }, clips.map(row))
          : empty('eye', 'Nothing was noticed with this device yet.'),
      );
    }
    return clips.filter((c) => c.state === 'waiting').length;
  }

  return { box, show };
}
