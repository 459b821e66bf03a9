// Putting text into the clipboard, also where the page came by plain http: there browsers have no navigator.clipboard.

import { h } from './dom.js';

/** Must be called from what a user did. False: the browser does not let us. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    /* not here, or not allowed */
  }
  const before = document.activeElement;
  const area = h('textarea', { class: 'sr-only', 'aria-hidden': 'true', value: text });
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  try {
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    area.remove();
    if (before instanceof HTMLElement) before.focus();
  }
}
