// Shell: a command, its output, its exit code; arrow keys recall earlier ones.

import { millis } from '../../core/format.js';
import { h, Scope, uid } from '../dom.js';

const MAX_OUTPUT = 200;

export function mountShell(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const out = h('pre', { class: 'output logs', role: 'log', 'aria-label': 'Output', tabindex: '0' });
  const input = h('input', {
    class: 'input mono',
    id: uid('cmd'),
    placeholder: 'Command, for example: getprop ro.product.model',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
  });
  const timeout = h('input', {
    class: 'input num',
    type: 'number',
    min: '1',
    max: '600',
    value: '30',
    'aria-label': 'Time limit in seconds',
  });
  const run = h('button', { type: 'submit', class: 'btn primary' }, 'Run');
  root.append(
    out,
    h(
      'form',
      {
        class: 'terminal-bar',
        onsubmit: (e) => {
          e.preventDefault();
          go();
        },
      },
      h('label', { class: 'sr-only', for: input.id }, 'Command'),
      h('span', { class: 'grow' }, input),
      h('span', { class: 'off-s' }, timeout),
      h('span', { class: 'muted small' }, 's'),
      run,
    ),
  );

  const history = svc.prefs.get(`shell.${id}`, []);
  let at = history.length;
  const print = (...parts) => {
    out.append(...parts);
    while (out.childNodes.length > MAX_OUTPUT * 3) out.firstChild.remove();
    out.scrollTop = out.scrollHeight;
  };

  async function go() {
    const command = input.value;
    if (!command.trim() || run.disabled) return;
    input.value = '';
    if (history.at(-1) !== command) history.push(command);
    at = history.length;
    svc.prefs.put(`shell.${id}`, history.slice(-50));
    print(h('span', { class: 'cmd' }, `$ ${command}\n`));
    run.disabled = true;
    try {
      const r = await svc.api.shell(id, iface.name, { command, timeout_s: Number(timeout.value) || 30 });
      if (r.stdout) print(r.stdout.endsWith('\n') ? r.stdout : `${r.stdout}\n`);
      if (r.stderr) print(h('span', { class: 'err' }, r.stderr.endsWith('\n') ? r.stderr : `${r.stderr}\n`));
      print(h('span', { class: r.exit_code ? 'err' : 'cmd' }, `exit ${r.exit_code}, ${millis(r.duration_ms)}\n\n`));
    } catch (error) {
      print(h('span', { class: 'err' }, `${error.title ?? 'Failed'}: ${error.message}\n\n`));
    } finally {
      run.disabled = !control.may;
      input.focus();
    }
  }
  input.addEventListener('keydown', (e) => {
    if (e.key !== 'ArrowUp' && e.key !== 'ArrowDown') return;
    e.preventDefault();
    at = Math.min(history.length, Math.max(0, at + (e.key === 'ArrowUp' ? -1 : 1)));
    input.value = history[at] ?? '';
  });
  scope.add(
    control.watch((may, why) => {
      input.disabled = run.disabled = !may;
      input.title = why;
    }),
  );
  return () => scope.close();
}
