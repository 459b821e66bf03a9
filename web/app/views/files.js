// Files of a device: walk, fetch, put, remove.

import { bytes } from '../../core/format.js';
import { actionButton, confirmDialog, empty, fill, h, icon, Scope, set } from '../dom.js';

const MAX_ROWS = 2000;
const join = (dir, name) => `${dir.replace(/\/+$/, '')}/${name}`;

export function mountFiles(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const { api } = svc;
  let path = svc.prefs.get(`path.${id}`, '/');
  const where = h('input', { class: 'input mono', 'aria-label': 'Folder', spellcheck: 'false', autocapitalize: 'off' });
  const body = h('div', { class: 'table-wrap files' });
  const pick = h('input', { type: 'file', hidden: true, 'aria-label': 'File to upload' });
  const put = actionButton(
    { class: 'btn' },
    [icon('upload'), 'Upload'],
    () =>
      new Promise((resolve) => {
        pick.value = '';
        pick.click();
        resolve();
      }),
    () => {},
  );
  put.hidden = Boolean(svc.remote); // bytes of any size do not come through a link
  pick.addEventListener('change', async () => {
    const file = pick.files[0];
    if (!file) return;
    set(put, { 'aria-busy': 'true' });
    try {
      await api.putFile(id, iface.name, join(path, file.name), file);
      svc.toast.good('Uploaded', join(path, file.name));
      await go(path);
    } catch (error) {
      svc.toast.error(error, 'Upload');
    } finally {
      put.removeAttribute('aria-busy');
    }
  });
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
      put,
      pick,
    ),
    body,
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
  const fileUrl = (p) => api.url(api.iface(id, iface.name), { query: { path: p }, auth: true });

  function show(entries) {
    entries.sort(
      (a, b) =>
        Number(b.directory ?? false) - Number(a.directory ?? false) || String(a.name).localeCompare(String(b.name)),
    );
    if (!entries.length) {
      fill(body, empty('folder', 'This folder is empty.'));
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
                    : svc.remote
                      ? h('span', { class: 'ellipsis', title: 'To have it, use the host’s own page' }, f.name)
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
                f.directory
                  ? null
                  : actionButton(
                      {
                        class: 'btn quiet icon-only danger',
                        'aria-label': `Remove ${f.name}`,
                        title: 'Remove',
                        disabled: !control.may,
                      },
                      icon('trash'),
                      async () => {
                        if (
                          !(await confirmDialog({
                            title: `Remove ${f.name}?`,
                            message: `${full} is removed from ${id}. This cannot be undone.`,
                            action: 'Remove',
                            danger: true,
                          }))
                        )
                          return;
                        await api.removeFile(id, iface.name, full);
                        await go(path);
                      },
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
    control.watch((may) => {
      put.disabled = !may;
    }),
  );
  go(path);
  return () => scope.close();
}
