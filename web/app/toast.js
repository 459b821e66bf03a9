// Short messages in a corner, read out by screen readers. Errors stay until they are closed or pushed out.

import { h, icon } from './dom.js';

const MAX = 4;
const SHOW_MS = 6000;

export function makeToasts(root) {
  const box = h('div', { class: 'toasts', role: 'log', 'aria-live': 'polite', 'aria-label': 'Messages' });
  root.append(box);

  /** `about`: what it is about; what was said of that before is no more. */
  function show(tone, title, detail, about) {
    if (about) for (const t of [...box.children]) if (t.dataset.about === about) t.remove();
    const same = [...box.children].find((t) => t.dataset.key === `${tone}|${title}|${detail ?? ''}`);
    if (same) {
      box.append(same);
      return;
    }
    const el = h(
      'div',
      { class: `toast ${tone}`, dataset: { key: `${tone}|${title}|${detail ?? ''}`, about: about ?? '' } },
      h('div', {}, h('strong', {}, title), detail ?? null),
      h(
        'button',
        { type: 'button', class: 'btn quiet icon-only', 'aria-label': 'Close message', onclick: () => el.remove() },
        icon('close'),
      ),
    );
    box.append(el);
    while (box.children.length > MAX) box.firstChild.remove();
    setTimeout(() => el.remove(), tone === 'bad' ? SHOW_MS * 2 : SHOW_MS);
  }

  const toast = {
    /** Whether the page says already what this error is about. */
    known: () => false,
    good: (title, detail, about) => show('good', title, detail, about),
    info: (title, detail) => show('', title, detail),
    warn: (title, detail, about) => show('warn', title, detail, about),
    /** Any error, the host's problems included. */
    error: (error, doing) => {
      if (error?.name === 'AbortError' || toast.known(error)) return;
      const title = doing ? `${doing}: ${error.title ?? 'failed'}` : (error.title ?? 'That did not work');
      const detail = error.detail ?? (error.title ? null : error.message);
      show('bad', title, error.field ? `${detail ?? ''} (${error.field})`.trim() : detail);
    },
  };
  return toast;
}
