// One banner for what is wrong with the way to the host, and what helps; while it is there everything on the page is
// marked as old (data-link, layout.css), and nothing else says the same.

import { timeOfDay } from '../core/words.js';
import { h, icon, set, text } from './dom.js';

/** "lab-1 does not answer …" `since`: ms; 0: it never did. */
export function linkWords({ state, reason, since, name = null, online = true }) {
  const who = name ?? 'The host';
  const old = since ? ` What you see is from ${timeOfDay(since)}.` : '';
  const back = 'The page goes on by itself when it is back.';
  if (!online) return `This device has no network.${old} ${back}`;
  if (state === 'closed') return `${who} does not let this page in: ${reason ?? 'no reason was given'}.${old}`;
  if (/stopp|shutting down|going away/i.test(reason ?? '')) return `${who} was stopped.${old} ${back}`;
  const proxy = /\b(50[234]|bad gateway|service unavailable|gateway time)/i.test(reason ?? '')
    ? ` What stands in front of it says: ${reason}.`
    : '';
  return `${who} does not answer.${proxy}${old} Is testbed-host running there, and the network between? ${back}`;
}

/** `words`: what it says, of {state, reason, since, name, online}. */
export function mountLinkBanner(place, { store, retry, announce, words: wordsOf = linkWords }) {
  const words = h('p', {});
  const again = h('button', { type: 'button', class: 'btn', onclick: retry }, 'Try now');
  const banner = h('div', { class: 'notice bad ask', id: 'link-lost', role: 'alert' }, icon('warn'), words, again);
  let since = 0; // when it was last heard, ms; 0: never
  let lost = false;

  function show() {
    const { link, me, refusal } = store.state;
    const over = link.state === 'waiting' || (link.state === 'closed' && link.reason); // else it is a pause of ours
    if (link.state === 'open') {
      if (lost) announce('Connected to the host');
      lost = false;
      since = -1;
    } else if (over && !lost) {
      lost = true;
      if (since < 0) since = Date.now();
    }
    set(document.documentElement, { dataset: { link: lost ? 'lost' : 'live' } });
    if (!lost || refusal || document.body.classList.contains('locked')) {
      banner.remove(); // a refusal has a strip of its own
      return;
    }
    if (over) text(words, wordsOf({ ...link, since, name: me?.host_name, online: navigator.onLine !== false }));
    if (!banner.isConnected) place(banner);
  }
  store.watch((s) => s.link, show);
  store.watch((s) => s.refusal, show);
  for (const name of ['online', 'offline']) window.addEventListener(name, show);
}
