// The keys that a phone has not, or that a browser keeps for itself, as buttons: some always, the rest behind "Keys".

import { SPECIAL_KEYS, STICKY } from '../../core/keys.js';
import { fill, h, icon, set } from '../dom.js';
import * as prefs from '../prefs.js';

/** A button that leaves the focus, and with it the keyboard, where it is. */
const button = (content, onclick, more = {}) =>
  h('button', { type: 'button', class: 'btn', onpointerdown: (e) => e.preventDefault(), onclick, ...more }, content);

/**
 * {bar: elements below the picture, full: the same for full screen, held: modifiers, letGo(), show(kind)}
 * `press(keys)`: pressed together. `fromClipboard(text)`: what this computer's clipboard holds; where the browser does
 * not let the page read it, the user is asked to paste into `typed`. `copied`: a button among them, or null.
 */
export function mountKeys({ press, fromClipboard, toast, typed, copied = null }) {
  let held = [];
  let kind = null;
  const stickies = []; // [button, key]
  const own = h('div', { class: 'keys', role: 'group', 'aria-label': 'Special keys' });
  const more = h('div', { class: 'keys more-keys', role: 'group', 'aria-label': 'More keys', hidden: true });
  const full = h('div', { class: 'keys', role: 'group', 'aria-label': 'Keys for the device' });

  const showHeld = () => {
    for (const [b, key] of stickies) set(b, { 'aria-pressed': String(held.includes(key)) });
  };
  const sticky = () =>
    STICKY.map(([label, key]) => {
      const b = button(
        label,
        () => {
          held = held.includes(key) ? held.filter((k) => k !== key) : [...held, key];
          showHeld();
        },
        { 'aria-pressed': 'false', title: `${label} with the next key` },
      );
      stickies.push([b, key]);
      return b;
    });
  const key = (k) => button(k.label, () => press(k.keys), k.name ? { 'aria-label': k.name, title: k.name } : {});
  const functionKeys = (all) => {
    if (!all.length) return null;
    const pick = h(
      'select',
      { class: 'input fkeys', 'aria-label': 'Function keys' },
      h('option', { value: '' }, 'F…'),
      all.map((k) => h('option', { value: k.keys[0] }, k.label)),
    );
    pick.addEventListener('change', () => {
      if (pick.value) press([pick.value]);
      pick.value = '';
    });
    return pick;
  };
  async function paste() {
    try {
      const text = await navigator.clipboard.readText();
      if (text) fromClipboard(text);
    } catch {
      toast.warn('Paste', 'The browser does not let this page read the clipboard: paste into this box, and send it.');
      typed.focus();
    }
  }
  const unfold = button(
    [icon('keyboard'), 'Keys'],
    () => {
      more.hidden = !more.hidden;
      prefs.put('more-keys', !more.hidden);
      set(unfold, { 'aria-expanded': String(!more.hidden) });
    },
    { 'aria-expanded': 'false', title: 'Modifiers, arrows, function keys' },
  );

  function show(wanted) {
    if (wanted === kind) return;
    kind = wanted;
    stickies.length = 0;
    held = [];
    const mine = SPECIAL_KEYS.filter((k) => k.kind === kind || k.kind === 'any');
    const functions = mine.filter((k) => k.fn);
    const rest = mine.filter((k) => k.more);
    fill(
      own,
      mine.filter((k) => !k.more && !k.fn).map(key),
      button([icon('copy'), 'Paste text'], paste),
      copied,
      unfold,
    );
    fill(more, sticky(), rest.map(key), functionKeys(functions));
    fill(full, sticky(), mine.filter((k) => !k.fn && !k.more).map(key), functionKeys(functions));
    more.hidden = !prefs.get('more-keys', false);
    set(unfold, { 'aria-expanded': String(!more.hidden) });
  }
  return {
    bar: [own, more],
    full: [full],
    get held() {
      return held;
    },
    letGo() {
      held = [];
      showHeld();
    },
    show,
  };
}
