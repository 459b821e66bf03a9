// Apps of a device: list, install, start, stop, remove.

import { actionButton, confirmDialog, empty, fill, h, icon, Scope, set } from '../dom.js';
import { listOf } from '../services.js';

export function mountApps(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const { api } = svc;
  const word = h('input', { class: 'input', type: 'search', placeholder: 'Find an app', 'aria-label': 'Find an app' });
  const pick = h('input', {
    type: 'file',
    accept: '.apk,.apks,.xapk',
    hidden: true,
    'aria-label': 'Package to install: APK, or a bundle of APKs',
  });
  const install = h(
    'button',
    {
      type: 'button',
      class: 'btn primary',
      onclick: () => {
        pick.value = '';
        pick.click();
      },
    },
    icon('upload'),
    'Install app',
  );
  const body = h('div', { class: 'table-wrap files' });
  root.append(
    h(
      'div',
      { class: 'terminal-bar' },
      h('span', { class: 'grow' }, word),
      h('button', { type: 'button', class: 'btn', onclick: () => load() }, 'Refresh'),
      install,
      pick,
    ),
    body,
  );
  let apps = [];
  const fail = (e) => svc.toast.error(e, 'Apps');

  pick.addEventListener('change', async () => {
    if (!pick.files[0]) return;
    set(install, { 'aria-busy': 'true' });
    try {
      const { package: name } = await (svc.bytes ?? api).installApp(id, iface.name, pick.files[0]);
      svc.toast.good('Installed', name);
      await load();
    } catch (error) {
      fail(error);
    } finally {
      install.removeAttribute('aria-busy');
    }
  });
  async function load() {
    try {
      apps = listOf(await api.apps(id, iface.name), 'apps').map((a) => (typeof a === 'string' ? { package: a } : a));
      if (!scope.closed) show();
    } catch (error) {
      if (!scope.closed) fill(body, empty('warn', error.message));
    }
  }
  function show() {
    const w = word.value.toLowerCase();
    const rows = apps.filter((a) => `${a.package} ${a.label ?? ''}`.toLowerCase().includes(w));
    if (!rows.length) {
      fill(body, empty('file', apps.length ? 'No app matches.' : 'No app is installed.'));
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
            h('th', { scope: 'col' }, 'App'),
            h('th', { scope: 'col' }, 'Version'),
            h('th', { scope: 'col' }, h('span', { class: 'sr-only' }, 'Actions')),
          ),
        ),
        h(
          'tbody',
          {},
          rows.map((a) =>
            h(
              'tr',
              {},
              h('td', { class: 'mono' }, a.package, a.label ? h('div', { class: 'muted' }, a.label) : null),
              h('td', { class: 'muted' }, a.version ?? a.version_name ?? ''),
              h(
                'td',
                { class: 'actions' },
                actionButton(
                  {
                    class: 'btn quiet icon-only',
                    'aria-label': `Start ${a.package}`,
                    title: 'Start',
                    disabled: !control.may,
                  },
                  icon('play'),
                  () => api.appVerb(id, iface.name, a.package, 'start'),
                  fail,
                ),
                actionButton(
                  {
                    class: 'btn quiet icon-only',
                    'aria-label': `Stop ${a.package}`,
                    title: 'Stop',
                    disabled: !control.may,
                  },
                  icon('stop'),
                  () => api.appVerb(id, iface.name, a.package, 'stop'),
                  fail,
                ),
                actionButton(
                  {
                    class: 'btn quiet icon-only danger',
                    'aria-label': `Remove ${a.package}`,
                    title: 'Remove',
                    disabled: !control.may,
                  },
                  icon('trash'),
                  async () => {
                    if (
                      !(await confirmDialog({
                        title: `Remove ${a.package}?`,
                        message: 'The app and its data are removed from the device.',
                        action: 'Remove',
                        danger: true,
                      }))
                    )
                      return;
                    await api.removeApp(id, iface.name, a.package);
                    await load();
                  },
                  fail,
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }
  word.addEventListener('input', show);
  scope.add(
    control.watch((may) => {
      install.disabled = !may;
      if (apps.length) show();
    }),
  );
  load();
  return () => scope.close();
}
