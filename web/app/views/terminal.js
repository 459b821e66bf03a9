// A serial console: history first, then live; typed and pasted to the device; power without leaving; line settings.

import { bytes } from '../../core/format.js';
import { ConsoleClient } from '../../core/console.js';
import { Feed } from '../../core/feed.js';
import { interfacesOf } from '../../core/store.js';
import { debug } from '../debug.js';
import { actionButton, h, icon, Scope, text } from '../dom.js';
import { openTerminal, THEME } from '../xterm.js';
import { lineDialog } from './line.js';
import { lendDialog, lentWords } from './ports.js';
import { terminalTools } from './termtools.js';

const HOTKEYS = [
  ['^C', '\x03', 'Send Ctrl+C'],
  ['^D', '\x04', 'Send Ctrl+D'],
  ['^Z', '\x1a', 'Send Ctrl+Z'],
  ['Esc', '\x1b', 'Send Esc'],
  ['Tab', '\t', 'Send Tab'],
];

export function mountConsole(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const { api } = svc;
  const box = h('div', { class: 'terminal-box' });
  const dot = h('span', { class: 'dot warn' });
  const state = h('span', {}, 'Connecting');
  const line = h('span', { class: 'muted mono' });
  const status = h('span', { class: 'status', role: 'status' }, dot, state, line);
  const fail = (e) => svc.toast.error(e, iface.name);

  const keys = HOTKEYS.map(([label, seq, name]) =>
    h(
      'button',
      {
        type: 'button',
        class: 'btn',
        'aria-label': name,
        title: name,
        onclick: () => {
          write(seq);
          term.focus();
        },
      },
      label,
    ),
  );
  const brk = actionButton(
    { class: 'btn', title: 'Hold the line low (serial break)' },
    'Break',
    () => api.sendBreak(id, iface.name),
    fail,
  );
  const power = interfacesOf(svc.store.state.devices[id], 'power')[0];
  const cycle = power
    ? actionButton(
        { class: 'btn', id: `console-cycle-${iface.name}`, title: 'Power cycle (Ctrl+Alt+P in the terminal)' },
        [icon('cycle'), 'Cycle power'],
        powerCycle,
        fail,
      )
    : null;
  const settings = h('button', { type: 'button', class: 'btn', onclick: () => openLine() }, 'Line …');
  const lend = actionButton({ class: 'btn', hidden: true }, 'Lend …', () => lendOrTakeBack(), fail);
  const log = svc.remote // bytes of any size do not come that way
    ? null
    : h(
        'a',
        {
          class: 'btn',
          download: `${id}-${iface.name}.log`,
          href: api.url(api.iface(id, iface.name, '/log'), { query: { format: 'text' }, auth: true }),
        },
        icon('download'),
        'Log',
      );
  const whole = h('div', { class: 'terminal' }, box);
  root.append(whole); // xterm.js measures its letters while it opens
  const { term, fit, dispose } = openTerminal(box, {
    theme: THEME,
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono').trim(),
    fontSize: svc.prefs.get('terminal-size', 13),
    lineHeight: 1.15,
    scrollback: 10000,
    cursorBlink: !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
    convertEol: false,
    screenReaderMode: svc.prefs.get('screen-reader', false),
    macOptionIsMeta: true,
    onPaste: (clean, go) => tools.paste(clean, go),
    onCopy: (what) => !replaying && tools.copy(what),
  });
  const tools = terminalTools({ term, fit, root: whole, svc, api, id, iface });
  whole.prepend(...tools.above);
  whole.append(
    tools.end,
    h(
      'div',
      { class: 'terminal-bar', role: 'group', 'aria-label': 'Console' },
      keys,
      brk,
      cycle,
      settings,
      lend,
      tools.bar,
      log,
      h('span', { class: 'muted small way-out' }, 'Shift+Tab leaves the terminal'),
      status,
    ),
  );
  scope.add(() => tools.dispose());
  scope.add(dispose);
  const resize = new ResizeObserver(() => {
    if (box.clientWidth > 40 && box.clientHeight > 40) fit.fit();
  });
  resize.observe(box);
  scope.add(() => resize.disconnect());
  term.textarea?.setAttribute('aria-label', `Serial console ${iface.name} of ${id}`);

  // ---- the line ----
  const client = new ConsoleClient({
    info: () => api.console(id, iface.name),
    url: (from) => api.wsPath(api.iface(id, iface.name), { from, lease: svc.leases.secret(id), control: true }),
    protocols: () => api.wsProtocols(),
    WebSocket: svc.WebSocket ?? WebSocket,
  });
  let replaying = 0; // writes of history that the terminal has not parsed yet
  let may = true;
  let shownLease = svc.leases.secret(id);
  let toldAt = 0;
  const feed = new Feed({
    write: (data, done) => term.write(data, done),
    told: (n) => `\x1b[33m[${bytes(n)} came faster than can be shown; the log has them]\x1b[0m`,
  });
  scope.add(() => feed.stop());
  client.on('data', (data, { replay }) => {
    // history may ask the terminal for its state (ESC[6n): the answer must not reach the device again
    if (replay) replaying += 1;
    feed.push(data, () => {
      if (replay) replaying -= 1;
    });
  });
  // the way to the host may be there while the line behind it is not
  let away = null;
  let why = '';
  function showState() {
    const s = client.state;
    const lineAway = s === 'open' && away;
    dot.className = `dot ${lineAway ? 'bad' : ({ open: 'good', waiting: 'bad', closed: 'bad' }[s] ?? 'warn')}`;
    text(
      state,
      lineAway
        ? (lentWords(current ?? {}) ?? `The line is ${away}`)
        : { open: 'Connected', connecting: 'Connecting', waiting: 'Reconnecting', closed: 'Closed' }[s],
    );
    status.title = why;
  }
  client.on('state', (s, reason) => {
    why = reason ?? '';
    showState();
    if (s === 'open') readLine();
  });
  scope.add(
    svc.store.watch(
      (s) => interfacesOf(s.devices[id], 'console').find((i) => i.name === iface.name)?.state,
      (s) => {
        away = s === 'absent' ? 'away' : s === 'fault' ? 'faulty' : null;
        showState();
        if (client.state === 'open') readLine(); // lent, perhaps, or had again
      },
    ),
  );
  client.on('held', (n) =>
    tell(`The device takes nothing: ${bytes(n)} wait for it. Does its flow control hold the line?`),
  );
  client.on('refused', (error) => svc.toast.error(error, iface.name));
  client.on('unsure', (data) => tools.unsure(data, () => write(data)));
  client.on('gap', (from, to, skipped) =>
    feed.push(
      new TextEncoder().encode(
        `\x18\x1b[0m\r\n\x1b[33m[${bytes(to - from)} ${skipped ? 'came faster than can be shown; the log has them' : 'of history are no longer kept'}]\x1b[0m\r\n`,
      ),
    ),
  );

  function write(data) {
    if (!may) {
      tell('View only: somebody else has the lease');
      return;
    }
    svc.leases.keeper(id)?.touch();
    if (!client.write(data))
      tell(client.state === 'open' ? 'Too much at once: the rest was not sent' : 'Not connected: nothing was sent');
  }
  function tell(message) {
    if (Date.now() - toldAt < 3000) return;
    toldAt = Date.now();
    svc.toast.warn(iface.name, message);
  }
  // Only the terminal that somebody uses answers queries of the device; ten open tabs must not answer ten times.
  scope.add(
    term.onData((data) => {
      if (!replaying && box.contains(document.activeElement)) write(data);
    }).dispose,
  );
  scope.add(
    term.onBinary((data) => {
      if (!replaying) write(Uint8Array.from(data, (c) => c.charCodeAt(0)));
    }).dispose,
  );
  term.attachCustomKeyEventHandler((e) => {
    if (e.type === 'keydown' && e.ctrlKey && e.altKey && e.code === 'KeyP' && cycle) {
      e.preventDefault();
      cycle.click();
      return false;
    }
    if (tools.key(e)) return false;
    if (e.ctrlKey && e.shiftKey && e.code === 'KeyV') return false; // the browser's paste
    if (e.key === 'Tab' && e.shiftKey) {
      if (e.type === 'keydown') term.textarea.tabIndex = -1;
      return false; // the way out by keyboard
    }
    return true;
  });
  // A program in a terminal is told how large that is: by whoever uses it, not by everybody who looks.
  function tellSize() {
    if (!current?.terminal || !may || client.state !== 'open') return;
    const size = { columns: term.cols, rows: term.rows };
    svc.commands
      .send(id, `${iface.name}.resize`, size, { queue: false })
      .catch((error) => debug(`size: ${error.message}`));
  }
  scope.add(term.onResize(tellSize).dispose);
  scope.listen(box, 'focusin', tellSize);
  // Who has left it goes on with Tab to what is behind it, not into it again; from there it is reached as ever.
  scope.listen(whole.parentElement ?? whole, 'focusin', ({ target }) => {
    const behind = box.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING;
    if (behind || target === term.textarea) term.textarea.tabIndex = 0;
  });
  async function powerCycle() {
    await svc.commands.send(id, `${power.name}.cycle`, { off_s: 2 }, { timeoutMs: 45000 });
    svc.readPower(id, power.name);
    term.focus();
  }

  // ---- line settings ----
  let current = null;
  async function readLine() {
    try {
      const first = !current;
      current = await api.console(id, iface.name);
      if (first) tellSize();
      const s = current.settings ?? current;
      text(
        line,
        s.baud ? `${s.baud} ${s.data_bits ?? 8}${String(s.parity ?? 'none')[0].toUpperCase()}${s.stop_bits ?? 1}` : '',
      );
      const lent = lentWords(current);
      settings.hidden = !s.baud && !s.rfc2217 && !s.tcp;
      brk.hidden = !s.baud;
      lend.hidden = !current.releases;
      text(lend, lent ? 'Take back' : 'Lend …');
      lend.title = lent ?? 'Let a program on the host have the serial line for a while';
      showState();
    } catch {
      /* the state line says it */
    }
  }
  async function lendOrTakeBack() {
    if (lentWords(current)) await api.releaseConsole(id, iface.name, 0);
    else lendDialog(api, { id, iface, done: readLine });
    await readLine();
  }
  const openLine = () => lineDialog(api, { id, iface, settings: current?.settings ?? current ?? {}, done: readLine });

  scope.add(
    control.watch((on) => {
      may = on;
      for (const b of [...keys, brk, cycle, lend].filter(Boolean)) b.disabled = !on;
    }),
  );
  // the socket shows the lease when it opens: a new lease needs a new socket
  scope.add(
    svc.leases.on('change', (device) => {
      if (device !== id || client.state === 'closed' || svc.leases.secret(id) === shownLease) return;
      shownLease = svc.leases.secret(id);
      client.stop();
      client.start();
    }),
  );
  scope.add(() => client.stop());
  client.start();
  return () => scope.close();
}
