// What stands beside a terminal: find, copy, clear, letters larger and smaller, full screen, times, jump to the end;
// and what is asked before something passes between clipboard and device.

import { clockTime, printable } from '../../core/format.js';
import { pasteable } from '../../core/paste.js';
import { copyText } from '../clipboard.js';
import { add, dialogButtons, fill, h, icon, modal, text } from '../dom.js';

const SIZES = [9, 10, 11, 12, 13, 14, 16, 18, 21, 24];
const SHOWN_LINES = 12; // of a paste that is asked about
const SHOWN_CHARS = 200; // of what a program wants to copy
const TIMES_LINES = 500;
const TIMES_BYTES = 64 * 1024; // looked at for one page of them

const button = (label, content, onclick, extra = {}) =>
  h('button', { type: 'button', class: 'btn', 'aria-label': label, title: label, onclick, ...extra }, content);

/** {size, bar: buttons, above: what stands over the terminal, end: the button over it, key(e), ask, dispose} */
export function terminalTools({ term, fit, root, svc, api, id, iface }) {
  let search = null;
  const said = h('span', { class: 'muted small', role: 'status' });
  const word = h('input', {
    class: 'input',
    type: 'search',
    placeholder: 'Find',
    'aria-label': 'Find in the terminal',
  });
  const find = async (back) => {
    try {
      if (!search) {
        const { SearchAddon } = await import('../../vendor/xterm-search/lib/addon-search.mjs');
        term.loadAddon((search ??= new SearchAddon()));
      }
    } catch {
      text(said, 'The search did not load: try again');
      return;
    }
    const found = !word.value || (back ? search.findPrevious(word.value) : search.findNext(word.value));
    text(said, found ? '' : 'Not found');
  };
  const closeFind = () => {
    finder.hidden = true;
    term.focus();
  };
  word.addEventListener('keydown', (e) => {
    if (e.key === 'Enter')
      find(!e.shiftKey); // upwards first: what was said last is below
    else if (e.key === 'Escape') closeFind();
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  const finder = h(
    'form',
    { class: 'terminal-find', hidden: true, role: 'search', onsubmit: (e) => e.preventDefault() },
    word,
    button('Find upwards', icon('up'), () => find(true)),
    button('Find downwards', h('span', { class: 'flip' }, icon('up')), () => find(false)),
    said,
    button('Close the search', icon('close'), closeFind, { class: 'btn quiet icon-only' }),
  );
  const openFind = () => {
    finder.hidden = false;
    if (term.hasSelection()) word.value = term.getSelection().split('\n')[0].slice(0, 80);
    word.select();
    word.focus();
  };

  // ---- copy ----
  const tell = (ok) =>
    ok
      ? svc.toast.good('Copied')
      : svc.toast.warn('Not copied', 'The browser does not let this page use the clipboard: select and press Ctrl+C.');
  const copySelection = async () => {
    const had = term.hasSelection();
    if (!had) term.selectAll();
    const ok = await copyText(term.getSelection());
    if (!had) term.clearSelection();
    tell(ok);
  };

  // ---- letters, screen, end ----
  const setSize = (step) => {
    const at = SIZES.findIndex((s) => s >= term.options.fontSize);
    const size = SIZES[Math.min(SIZES.length - 1, Math.max(0, (at < 0 ? SIZES.length - 1 : at) + step))];
    term.options.fontSize = size;
    svc.prefs.put('terminal-size', size);
    fit.fit();
  };
  const fullScreen = async () => {
    if (document.fullscreenElement) {
      await document.exitFullscreen();
      return;
    }
    await root.requestFullscreen();
    await navigator.keyboard?.lock?.(['Escape']).catch(() => {}); // Escape is the device's; held, it leaves
    term.focus();
  };
  const end = button('Jump to the end', [icon('up'), 'End'], () => {
    term.scrollToBottom();
    term.focus();
  });
  end.className = 'btn terminal-end flip-icon';
  end.hidden = true;
  // not onScroll: that is for each line
  const undo = term.onRender(() => {
    const b = term.buffer.active;
    end.hidden = b.viewportY >= b.baseY;
  });

  // ---- questions ----
  const question = h('div', { class: 'notice warn', role: 'alert', hidden: true });
  const put = (...content) => {
    fill(question, icon('copy'), ...content);
    question.hidden = false;
  };
  const close = () => {
    question.hidden = true;
    term.focus();
  };

  return {
    size: svc.prefs.get('terminal-size', 13),
    above: [finder, question],
    end,
    bar: [
      button('Find in the terminal (Ctrl+Shift+F)', 'Find', openFind),
      button('Copy what is selected, or all (Ctrl+Shift+C)', icon('copy'), copySelection),
      button('Clear the terminal; the log keeps everything', 'Clear', () => {
        term.clear();
        term.focus();
      }),
      button('A−: smaller letters', 'A−', () => setSize(-1)),
      button('A+: larger letters', 'A+', () => setSize(1)),
      button('Lines with their times, and older ones', 'Times', () => showTimes({ api, id, iface, toast: svc.toast })),
      document.fullscreenEnabled ? button('Full screen', icon('expand'), fullScreen) : null,
    ],
    /** A key of the page's own: true when it was one. */
    key(e) {
      if (e.type !== 'keydown' || !e.ctrlKey || !e.shiftKey || e.altKey) return false;
      if (e.code === 'KeyF') openFind();
      else if (e.code === 'KeyC' && term.hasSelection()) copySelection();
      else return false;
      e.preventDefault();
      return true;
    },
    /** Pastes when that is harmless or was agreed to. */
    async paste({ text: what, made, lines }, go) {
      const asks = lines > 1 && !term.modes.bracketedPasteMode && svc.prefs.get('paste-asks', true);
      if (asks && !(await askPaste(svc, what, lines))) return;
      go();
      if (made)
        svc.toast.warn(
          iface.name,
          `${made} control character${made === 1 ? ' was' : 's were'} pasted as text (␛ for Escape), not as keys.`,
        );
    },
    /** A program wants to put something into the clipboard. */
    copy(what) {
      const shown = what.length > SHOWN_CHARS ? `${what.slice(0, SHOWN_CHARS)}…` : what;
      put(
        h('p', {}, `A program on ${id} wants to copy ${what.length} characters: `, h('code', {}, shown)),
        button('Copy it to the clipboard', 'Copy', async () => {
          close();
          tell(await copyText(what));
        }),
        button('Do not copy it', 'No', close),
      );
    },
    /** The connection ended, and whether the device got the last words nobody knows. */
    unsure(data, again) {
      const what = new TextDecoder().decode(data).replace(/\r/g, '⏎');
      const shown = pasteable(what.length > SHOWN_CHARS ? `${what.slice(0, SHOWN_CHARS)}…` : what).text;
      put(
        h('p', {}, 'The connection ended. This may not have reached the device: ', h('code', {}, shown)),
        button('Send it again', 'Send again', () => {
          close();
          again();
        }),
        button('Do not send it again', 'No', close),
      );
    },
    dispose() {
      undo.dispose();
    },
  };
}

function askPaste(svc, what, lines) {
  return modal(
    (close) => {
      const again = h('input', { type: 'checkbox' });
      const shown = what.split('\r').slice(0, SHOWN_LINES).join('\n');
      return h(
        'form',
        {
          method: 'dialog',
          onsubmit: (e) => {
            e.preventDefault();
            if (again.checked) svc.prefs.put('paste-asks', false);
            close(true);
          },
        },
        h('h2', {}, `Paste ${lines} lines?`),
        h('p', {}, 'The device gets them as if they were typed: each line may be carried out as a command.'),
        h('pre', { class: 'ice-log' }, lines > SHOWN_LINES ? `${shown}\n…` : shown),
        h('label', { class: 'check' }, again, 'Do not ask again in this browser'),
        dialogButtons(
          () => close(false),
          h('button', { type: 'submit', class: 'btn primary', autofocus: true }, 'Paste'),
        ),
      );
    },
    { label: 'Paste' },
  );
}

/** The log with the time of each line, the newest first seen; older ones by a button. */
function showTimes({ api, id, iface, toast }) {
  const list = h('div', { class: 'ice-log times', tabindex: '0', role: 'log', 'aria-label': 'Lines with their times' });
  let from = null; // the oldest that is shown
  const read = async (until) => {
    const info = await api.console(id, iface.name);
    const end = until ?? info.offset;
    const begin = Math.max(info.start ?? 0, end - TIMES_BYTES);
    const answer = await api.raw('GET', api.iface(id, iface.name, '/log'), {
      query: { format: 'jsonl', from: begin, limit: 10000 },
    });
    const lines = (await answer.text())
      .split('\n')
      .filter(Boolean)
      .map((l) => JSON.parse(l))
      .filter((l) => l.offset < end)
      .slice(-TIMES_LINES);
    from = lines[0]?.offset ?? begin;
    older.disabled = from <= (info.start ?? 0);
    return lines.map((l) =>
      h('div', {}, h('time', { datetime: new Date(l.t).toISOString() }, clockTime(l.t, true)), ` ${printable(l.text)}`),
    );
  };
  const older = h(
    'button',
    {
      type: 'button',
      class: 'btn',
      onclick: async () => {
        try {
          const height = list.scrollHeight;
          list.prepend(...(await read(from)));
          list.scrollTop += list.scrollHeight - height;
        } catch (error) {
          toast.error(error, 'Older lines');
        }
      },
    },
    'Older',
  );
  const begin = async () => {
    try {
      add(fill(list), await read(null));
      list.scrollTop = list.scrollHeight;
    } catch (error) {
      toast.error(error, iface.name);
    }
  };
  begin();
  return modal(
    (close) =>
      h(
        'form',
        { method: 'dialog', onsubmit: (e) => e.preventDefault() },
        h('h2', {}, `${iface.name} of ${id}, with times`),
        list,
        h(
          'div',
          { class: 'buttons' },
          older,
          h('button', { type: 'button', class: 'btn', onclick: begin }, 'Read again'),
          h('button', { type: 'button', class: 'btn primary', onclick: () => close() }, 'Close'),
        ),
      ),
    { wide: true, label: 'Lines with their times' },
  );
}
