// Files of a device: walk, fetch, put (views/uploads.js), rename, remove.

import { bytes } from '../../core/format.js';
import { actionButton, confirmDialog, dialogButtons, empty, field, fill, h, icon, modal, Scope } from '../dom.js';
import { dropped, mountUploads, send } from './uploads.js';

const MAX_ROWS = 2000;
const join = (dir, name) => `${dir.replace(/\/+$/, '')}/${name}`;

export function mountFiles(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const { api } = svc;
  const bytesApi = svc.bytes ?? api; // through a link files go their own way
  let path = svc.prefs.get(`path.${id}`, '/');
  const where = h('input', { class: 'input mono', 'aria-label': 'Folder', spellcheck: 'false', autocapitalize: 'off' });
  const body = h('div', { class: 'table-wrap files' });
  const drop = h('div', { class: 'drop' }, body);
  let names = new Set(); // of the folder that is shown
  const uploads = mountUploads({
    scope,
    toast: svc.toast,
    send: (to, file, onProgress) =>
      bytesApi.direct
        ? send(bytesApi.putRequest(id, iface.name, to), file, onProgress)
        : { done: bytesApi.putFile(id, iface.name, to, file), cancel() {} },
  });
  async function put(files) {
    const to = path;
    await go(to); // what is there by now
    await uploads.add(files, to, names);
    if (path === to) await go(to);
  }
  const chooser = (label, words, more) => {
    const pick = h('input', { type: 'file', hidden: true, multiple: true, 'aria-label': label, ...more });
    pick.addEventListener('change', () => {
      put([...pick.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
      pick.value = '';
    });
    return [h('button', { type: 'button', class: 'btn', onclick: () => pick.click() }, icon('upload'), words), pick];
  };
  const putters = [
    chooser('Files to upload', 'Upload'),
    chooser('Folder to upload', 'Folder', { webkitdirectory: true }),
  ];
  let may = control.may;
  const over = (on) => drop.classList.toggle('over', on);
  scope.listen(drop, 'dragover', (e) => {
    if (!may || !e.dataTransfer?.types.includes('Files')) return;
    e.preventDefault();
    over(true);
  });
  scope.listen(drop, 'dragleave', (e) => {
    if (!drop.contains(e.relatedTarget)) over(false);
  });
  scope.listen(drop, 'drop', async (e) => {
    over(false);
    if (!may) return;
    e.preventDefault();
    try {
      await put(await dropped(e.dataTransfer));
    } catch (error) {
      svc.toast.error(error, 'Upload');
    }
  });

  async function rename(name) {
    const to = await modal(
      (close) => {
        const input = h('input', { class: 'input mono', value: name, autofocus: true, spellcheck: 'false' });
        return h(
          'form',
          {
            method: 'dialog',
            onsubmit: (e) => {
              e.preventDefault();
              close(input.value.trim());
            },
          },
          h('h2', {}, `Rename ${name}`),
          field('New name', input),
          dialogButtons(() => close(null), 'Rename'),
        );
      },
      { label: 'Rename' },
    );
    if (!to || to === name) return;
    if (to.includes('/')) throw new Error('A name has no “/” in it.');
    await go(path);
    if (names.has(to)) throw new Error(`There is a “${to}” here already: remove it first, or take another name.`);
    await api.renameFile(id, iface.name, join(path, name), join(path, to));
    await go(path);
  }
  async function remove({ name, directory }, full) {
    const sure = await confirmDialog({
      title: directory ? `Remove the folder ${name}?` : `Remove ${name}?`,
      message: `${full}${directory ? ', with all that is in it,' : ''} is removed from ${id}. This cannot be undone.`,
      action: directory ? 'Remove all of it' : 'Remove',
      danger: true,
    });
    if (!sure) return;
    await api.removeFile(id, iface.name, full, directory);
    await go(path);
  }
  root.append(
    h(
      'form',
      {
        class: 'terminal-bar',
        onsubmit: (e) => {
          e.preventDefault();
          go(where.value || '/');
        },
      },
      h(
        'button',
        {
          type: 'button',
          class: 'btn icon-only',
          'aria-label': 'Up one folder',
          title: 'Up',
          onclick: () => go(path.replace(/\/[^/]*\/?$/, '') || '/'),
        },
        icon('up'),
      ),
      h('span', { class: 'grow' }, where),
      h('button', { type: 'submit', class: 'btn' }, 'Go'),
      putters,
    ),
    uploads.el,
    drop,
  );

  let run = 0;
  async function go(to) {
    const mine = ++run;
    try {
      const response = await api.listFiles(id, iface.name, to);
      const type = response.headers.get('Content-Type') ?? '';
      if (!type.includes('json')) {
        response.body?.cancel?.();
        if (mine === run) window.open(fileUrl(to), '_blank', 'noopener');
        return;
      }
      const answer = await response.json();
      if (mine !== run || scope.closed) return;
      path = to;
      where.value = to;
      svc.prefs.put(`path.${id}`, to);
      show(Array.isArray(answer) ? answer : (answer.entries ?? answer.files ?? []));
    } catch (error) {
      if (mine !== run || scope.closed) return;
      where.value = to;
      fill(
        body,
        empty(
          'folder',
          `${to}: ${error.message}`,
          h('button', { type: 'button', class: 'btn', onclick: () => go('/') }, 'Go to /'),
        ),
      );
    }
  }
  const fileUrl = (p) => bytesApi.url(bytesApi.iface(id, iface.name), { query: { path: p }, auth: true });

  function show(entries) {
    names = new Set(entries.map((f) => f.name));
    entries.sort(
      (a, b) =>
        Number(b.directory ?? false) - Number(a.directory ?? false) || String(a.name).localeCompare(String(b.name)),
    );
    if (!entries.length) {
      fill(body, empty('folder', may ? 'This folder is empty. Drop files here.' : 'This folder is empty.'));
      return;
    }
    fill(
      body,
      h(
        'table',
        { class: 'grid' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', { scope: 'col' }, 'Name'),
            h('th', { scope: 'col', class: 'right' }, 'Size'),
            h('th', { scope: 'col', class: 'changed' }, 'Changed'),
            h('th', { scope: 'col' }, h('span', { class: 'sr-only' }, 'Actions')),
          ),
        ),
        h(
          'tbody',
          {},
          entries.slice(0, MAX_ROWS).map((f) => {
            const full = join(path, f.name);
            const t = Number.isFinite(f.mtime) ? f.mtime : Date.parse(f.mtime ?? '');
            return h(
              'tr',
              {},
              h(
                'td',
                {},
                h(
                  'span',
                  { class: 'filename' },
                  icon(f.directory ? 'folder' : 'file'),
                  f.directory
                    ? h('button', { type: 'button', class: 'btn quiet', onclick: () => go(full) }, f.name)
                    : h('a', { class: 'btn quiet', href: fileUrl(full), download: f.name }, f.name),
                ),
              ),
              h('td', { class: 'right nowrap' }, f.directory || f.size < 0 ? '' : bytes(f.size)),
              h(
                'td',
                { class: 'nowrap muted changed' },
                Number.isFinite(t) ? new Date(t < 1e11 ? t * 1000 : t).toLocaleString() : '',
              ),
              h(
                'td',
                { class: 'actions' },
                actionButton(
                  { class: 'btn quiet', 'aria-label': `Rename ${f.name}`, disabled: !control.may },
                  'Rename',
                  () => rename(f.name),
                  (e) => svc.toast.error(e, 'Rename'),
                ),
                actionButton(
                  {
                    class: 'btn quiet icon-only danger',
                    'aria-label': `Remove ${f.name}`,
                    title: 'Remove',
                    disabled: !control.may,
                  },
                  icon('trash'),
                  () => remove(f, full),
                  (e) => svc.toast.error(e, 'Remove'),
                ),
              ),
            );
          }),
        ),
      ),
    );
  }
  scope.add(
    control.watch((on) => {
      may = on;
      for (const [button] of putters) button.disabled = !on;
      for (const button of body.querySelectorAll('td.actions .btn')) button.disabled = !on;
    }),
  );
  go(path);
  return () => scope.close();
}
