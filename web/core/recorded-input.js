// What somebody sent to a device while it was recorded: in words, and as places on the picture. Pure.

const HIDDEN = '\u2022'; // a character that is not told (docs/RECORDING.md)
const RUN_MS = 3000; // characters that come sooner are one row
const REST_MS = 1500; // a pointer is seen for so long
const TAP_MS = 800;
const BUTTONS = ['left', 'middle', 'right', 'back', 'forward'];
const CONTROLS = { '\r': '⏎', '\n': '⏎', '\t': '⇥', '\x1b': 'Esc', '\x7f': '⌫' };

const place = (x, y) => `${Math.round(x)}, ${Math.round(y)}`;
const many = (n) => (n === 1 ? 'a character' : `${n} characters`);
const shown = (text) =>
  [...text].map((c) => CONTROLS[c] ?? (c < ' ' ? `^${String.fromCharCode(c.charCodeAt(0) + 64)}` : c)).join('');

/** What one event says, in words; '' where it is only the way to another (a key that goes up, a pointer that moves). */
function wordsOf(e, buttons) {
  switch (e.type) {
    case 'key':
      return e.action === 'up' ? '' : `pressed ${e.key ?? e.code}`;
    case 'text':
      return e.text === undefined ? `typed ${many(e.characters)}` : `typed “${e.text}”`;
    case 'copy':
      return `copied ${many(e.characters)} into the clipboard`;
    case 'tap':
      return `tapped at ${place(e.x, e.y)}`;
    case 'swipe':
      return `swiped from ${place(e.x1, e.y1)} to ${place(e.x2, e.y2)}`;
    case 'scroll':
      return `scrolled at ${place(e.x, e.y)}`;
    case 'pointer': {
      const down = (e.buttons ?? 0) & ~buttons;
      if (!down) return '';
      const names = BUTTONS.filter((_, i) => down & (1 << (i === 1 ? 2 : i === 2 ? 1 : i)));
      return `pressed the ${names.join(' and ')} button at ${place(e.x, e.y)}`;
    }
    default:
      return '';
  }
}

const ofPointer = (e) => ['pointer', 'tap', 'swipe', 'scroll'].includes(e.type);

/**
 * Lines of the type `input` as {list: [{t, text}], places: [{t, …}]}: what a list tells, and what is seen on the
 * picture.
 */
export function inputOf(rows) {
  const list = [];
  const places = [];
  const held = {}; // who -> buttons
  let run = null; // of characters that are not told
  const say = (row, text) => list.push({ t: row.t, text: `${row.who}${text}${row.failed ? ` (${row.failed})` : ''}` });
  for (const row of rows) {
    if (row.kind !== 'input') continue;
    if (row.bytes !== undefined) {
      run = null;
      say(row, ` wrote to ${row.interface}: ${shown(row.text)}${row.cut ? ' …' : ''}`);
    }
    for (const e of row.events ?? []) {
      if (ofPointer(e)) places.push({ t: row.t, ...e });
      const hidden = e.type === 'key' && e.key === HIDDEN;
      if (hidden && e.action === 'up') continue;
      if (hidden && run && run.who === row.who && row.t - run.last < RUN_MS) {
        run.n += 1;
        run.last = row.t;
        run.row.text = `${row.who} typed ${many(run.n)}`;
        continue;
      }
      const text = hidden ? 'typed a character' : wordsOf(e, held[row.who] ?? 0);
      if (e.type === 'pointer') held[row.who] = e.buttons ?? 0;
      if (!text) continue;
      say(row, ` ${text}`);
      run = hidden && !row.failed ? { who: row.who, n: 1, last: row.t, row: list.at(-1) } : null;
    }
  }
  return { list, places };
}

/** What of `places` (in the order of time) is to be seen at `t`: [{x, y, pressed, age (0 new to 1 gone), to}]. */
export function seenAt(places, t) {
  const seen = [];
  for (let i = places.length - 1; i >= 0 && t - places[i].t < 10000; i--) {
    const p = places[i];
    if (p.t > t) continue;
    const age = t - p.t;
    if (p.type === 'pointer') {
      if (age < REST_MS && !seen.some((s) => s.pointer))
        seen.push({ x: p.x, y: p.y, pressed: p.buttons > 0, age: age / REST_MS, pointer: true });
    } else if (p.type === 'swipe') {
      const lasts = (p.ms ?? 300) + TAP_MS;
      if (age < lasts) seen.push({ x: p.x1, y: p.y1, to: [p.x2, p.y2], pressed: true, age: age / lasts });
    } else if (age < TAP_MS) seen.push({ x: p.x, y: p.y, pressed: p.type === 'tap', age: age / TAP_MS });
  }
  return seen;
}
