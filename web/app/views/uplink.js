// How far clips are on their way to where the bench keeps them: a line of each clip, and one over all.

import { uplinkOf } from '../../core/recording.js';
import { h, text } from '../dom.js';

const OFTEN = 2000; // while something is on its way
const SELDOM = 30000;

/** `head` stands over the list; `lineOf(clip)` makes the line of one; look() asks anew. */
export function uplink(svc, scope) {
  const where = h('span', { class: 'muted small' });
  const retry = h('button', { type: 'button', class: 'btn quiet', hidden: true }, 'Send now');
  const head = h('p', { class: 'rec-uplink', hidden: true }, where, ' ', retry);
  const lines = new Map();
  let known = { to: null, clips: {} };
  let timer;

  retry.addEventListener('click', async () => {
    try {
      await svc.api.raw('POST', 'host/uplink/retry');
      await look();
    } catch (error) {
      svc.toast.error(error, 'Send now');
    }
  });

  function show() {
    const all = Object.values(known.clips);
    const waits = all.filter((c) => c.state === 'waiting').length;
    const failed = all.filter((c) => c.state === 'failed').length;
    head.hidden = !known.to;
    text(where, `Clips go to ${known.to}.${waits ? ` ${waits} wait.` : ''}${failed ? ` ${failed} failed.` : ''}`);
    retry.hidden = !all.some((c) => c.state === 'failed' || (c.state === 'waiting' && c.why));
    for (const [clip, line] of lines) {
      if (!line.isConnected) lines.delete(clip);
      const words = uplinkOf(known.clips[clip]);
      line.hidden = !words;
      text(line, words);
    }
  }

  async function look() {
    clearTimeout(timer);
    try {
      known = await svc.api.get('host/uplink');
    } catch {
      known = { to: null, clips: {} }; // a host that sends nothing anywhere, or is away: the page says so elsewhere
    }
    if (scope.closed) return;
    show();
    const moves = Object.values(known.clips).some((c) => c.state === 'sending' || c.state === 'waiting');
    if (known.to) timer = setTimeout(look, moves ? OFTEN : SELDOM);
  }
  scope.add(() => clearTimeout(timer));

  const lineOf = (clip) => {
    const words = uplinkOf(known.clips[clip]);
    const line = h('p', { class: 'small muted', hidden: !words }, words);
    lines.set(clip, line);
    return line;
  };
  return { head, lineOf, look };
}
