// The console of a recording, in step with it: a terminal that is given what the device had said by then.

import { clockTime } from '../../core/format.js';
import { consolesOf, findText, paperOf, stepTo } from '../../core/recorded-console.js';
import { fill, h, text } from '../dom.js';
import { loadXterm, openTerminal, THEME } from '../xterm.js';

/** {el, show(t), load(rows), close()}; `seek(t)` is called where a word was found. */
export function recordedConsole(svc, { now, seek }) {
  const word = h('input', {
    class: 'input',
    type: 'search',
    placeholder: 'Find in the console',
    'aria-label': 'Find in the console',
  });
  const found = h('span', { class: 'muted small', role: 'status' });
  const which = h('select', { class: 'input', 'aria-label': 'Console', hidden: true, onchange: () => choose() });
  const box = h('div', { class: 'rec-console' });
  const nothing = h('p', { class: 'rec-console rec-silent' }, 'The console says nothing in this time.');
  const place = h('div', {});
  const el = h(
    'div',
    {},
    h(
      'form',
      { class: 'rec-find', onsubmit: (e) => (e.preventDefault(), find()) },
      which,
      word,
      h('button', { class: 'btn' }, 'Find'),
      found,
    ),
    place,
  );
  let all = {};
  let said = [];
  let paper = null; // made when somebody looks for something
  let terminal = null;
  let shown = -1;
  let wanted = 0;
  let closed = false;

  function find() {
    paper ??= paperOf(said);
    const t = findText(paper, word.value, now());
    text(found, t === null ? (word.value ? 'Not found' : '') : clockTime(t, true));
    if (t !== null) seek(t + 1); // a film rounds the moment, and it shall stand there
  }
  function draw() {
    if (!terminal) return;
    const step = stepTo(said, shown, wanted);
    shown = step.rows;
    if (step.reset) terminal.term.reset();
    for (const bytes of step.bytes) terminal.term.write(bytes);
  }
  function choose() {
    said = all[which.value] ?? [];
    paper = null;
    shown = -1;
    draw();
  }
  async function open() {
    await loadXterm();
    if (closed) return;
    fill(place, box);
    terminal = openTerminal(box, {
      theme: THEME,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono').trim(),
      fontSize: svc.prefs.get('terminal-size', 13),
      lineHeight: 1.15,
      scrollback: 5000,
      disableStdin: true,
      cursorInactiveStyle: 'underline',
      screenReaderMode: svc.prefs.get('screen-reader', false),
      onPaste: () => {},
    });
    terminal.term.textarea?.setAttribute('aria-label', 'Console');
    size.observe(box);
    draw();
  }
  const size = new ResizeObserver(() => {
    if (box.clientWidth <= 40 || box.clientHeight <= 40) return;
    terminal.fit.fit();
  });

  return {
    el,
    load(rows) {
      all = consolesOf(rows);
      const names = Object.keys(all);
      fill(
        which,
        names.map((n) => h('option', { value: n }, n)),
      );
      which.hidden = names.length < 2;
      choose();
      if (!names.length) fill(place, nothing);
      else if (!terminal) open().catch((error) => fill(place, h('p', { class: 'muted' }, error.message)));
    },
    failed: (node) => fill(place, node),
    show(t) {
      wanted = t;
      draw();
    },
    close() {
      closed = true;
      size.disconnect();
      terminal?.dispose();
    },
  };
}
