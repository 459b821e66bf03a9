// The recorder of one device: what it does, and "Keep the last 30 s".

import { bytes } from '../../core/format.js';
import { actionButton, badge, h, icon, Scope, set, text } from '../dom.js';

const WORDS = { off: 'Off', armed: 'Armed', on: 'On' };
const HELP = {
  off: 'Nothing is recorded.',
  armed: 'The last seconds are in memory; nothing is written until they are kept.',
  on: 'All of it is written, within bounds of size and age.',
};
const KEEP_S = 30;

export function mountRecorder(root, svc, { id }) {
  const scope = new Scope();
  const fail = (e) => !scope.closed && svc.toast.error(e, `Recording of ${id}`);
  const state = badge('', 'neutral');
  const about = h('p', { class: 'muted small', role: 'status' });
  let mode = null;
  const change = async (body) => show(await svc.api.json('PATCH', `${svc.api.device(id)}/recording`, { body }));
  const switches = Object.keys(WORDS).map((m) =>
    actionButton(
      { 'aria-pressed': 'false', title: HELP[m] },
      WORDS[m],
      () => change({ mode: m, ...(m === 'armed' ? { pre_s: KEEP_S } : {}) }),
      fail,
    ),
  );
  const keep = actionButton(
    { class: 'btn primary' },
    [icon('camera'), `Keep the last ${KEEP_S} s`],
    async () => {
      await svc.api.json('POST', `${svc.api.device(id)}/clips`, { body: { pre_s: KEEP_S, post_s: 2 } });
      text(about, 'They are being kept …');
    },
    fail,
  );
  const el = h(
    'section',
    { class: 'panel', 'aria-label': 'Recorder' },
    h('header', {}, h('h2', {}, 'Recorder'), state),
    h(
      'div',
      { class: 'rec-pad' },
      h('div', { class: 'group', role: 'group', 'aria-label': 'Recording' }, switches),
      h(
        'div',
        { class: 'rec-bar' },
        keep,
        h('a', { class: 'btn', href: `#/recordings/${encodeURIComponent(id)}` }, 'Recordings'),
      ),
      about,
    ),
  );
  root.append(el);

  function show(r) {
    if (scope.closed) return;
    mode = r.mode;
    const why = r.stopped ?? r.trouble;
    state.className = `badge ${why ? 'bad' : { off: 'neutral', armed: 'warn', on: 'good' }[mode]}`;
    text(state, why ? 'stopped' : { off: 'off', armed: 'armed', on: 'recording' }[mode]);
    switches.forEach((b, i) => b.setAttribute('aria-pressed', String(Object.keys(WORDS)[i] === mode)));
    text(about, why ?? `${HELP[mode]}${r.bytes ? ` ${bytes(r.bytes)} on the disk.` : ''}`);
    may();
  }
  function may() {
    const role = svc.store.state.me?.role;
    const not = role === 'viewer' ? 'This needs the role operator.' : '';
    for (const b of [...switches, keep]) {
      b.disabled = Boolean(not);
      if (not) set(b, { title: not });
    }
    if (mode === 'off') {
      keep.disabled = true;
      set(keep, { title: 'Arm the recorder first.' });
    } else if (!not) set(keep, { title: 'A clip of what has just happened' });
  }
  const look = () => svc.api.get(`${svc.api.device(id)}/recording`).then(show, fail);
  let seen = null;
  scope.add(
    svc.store.watch(
      (s) => s.timeline.find((e) => e.device === id && e.event.startsWith('recording.')),
      (e) => {
        if (!e || e === seen) return;
        seen = e;
        look().then(() => {
          if (e.event !== 'recording.clip' || scope.closed) return;
          text(about, e.data.state === 'done' ? 'Kept: it is on the page Recordings.' : `Not kept: ${e.data.reason}`);
        });
      },
    ),
  );
  look();
  return () => {
    scope.close();
    el.remove();
  };
}
