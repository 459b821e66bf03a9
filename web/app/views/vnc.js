// The same screen by VNC, in the page: noVNC's client on the host's RFB-over-WebSocket.

import { dialogButtons, field, fill, h, icon, modal, Scope, text } from '../dom.js';

export function mountVnc(root, svc, { id, iface, control, tools = [], url }) {
  const scope = new Scope();
  const status = h('span', { class: 'muted small', role: 'status' }, 'Connecting');
  const again = h('button', { type: 'button', class: 'btn', hidden: true, onclick: () => connect() }, 'Connect again');
  const box = h('div', { class: 'screen' });
  const stage = h('div', { class: 'stage' }, box);
  const full = h(
    'button',
    {
      type: 'button',
      class: 'btn quiet icon-only',
      'aria-label': 'Full screen',
      title: 'Full screen',
      onclick: () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen()),
    },
    icon('expand'),
  );
  const cad = h('button', { type: 'button', class: 'btn', onclick: () => rfb?.sendCtrlAltDel() }, 'Ctrl+Alt+Del');
  root.append(
    h(
      'section',
      { class: 'panel stage-panel', 'aria-label': 'VNC' },
      h('header', {}, tools, status, h('span', { class: 'grow' }), again, cad, full),
      stage,
    ),
  );

  let rfb = null;
  let viewOnly = !control?.may;
  let RFB = null;

  async function connect() {
    again.hidden = true;
    text(status, 'Connecting');
    try {
      RFB ??= (await import('../../vendor/novnc/core/rfb.js')).default;
    } catch {
      text(status, 'noVNC is not installed on this host (make deps)');
      return;
    }
    if (scope.closed) return;
    fill(box);
    const session = (rfb = new RFB(box, url ?? svc.api.wsPath(svc.api.iface(id, iface.name, '/vnc')), {
      wsProtocols: svc.api.wsProtocols(['binary']),
    }));
    rfb.scaleViewport = true;
    rfb.viewOnly = viewOnly;
    rfb.background = '#07090a';
    rfb.addEventListener('connect', () => text(status, viewOnly ? 'Connected, view only' : 'Connected'));
    rfb.addEventListener('disconnect', (e) => {
      if (session !== rfb || scope.closed) return;
      rfb = null;
      text(status, e.detail.clean ? 'Disconnected' : 'The connection was lost');
      again.hidden = false;
    });
    rfb.addEventListener('securityfailure', (e) =>
      svc?.toast?.error({ title: 'VNC refused', detail: e.detail.reason ?? 'wrong password' }),
    );
    rfb.addEventListener('credentialsrequired', async () => {
      const password = await modal(
        (close) => {
          const input = h('input', { class: 'input', type: 'password', autocomplete: 'off', autofocus: true });
          return h(
            'form',
            {
              method: 'dialog',
              onsubmit: (e) => {
                e.preventDefault();
                close(input.value);
              },
            },
            h('h2', {}, 'VNC password'),
            field('Password', input, 'The view-only password works too.'),
            dialogButtons(() => close(null), 'Connect'),
          );
        },
        { label: 'VNC password' },
      );
      if (password === null) session.disconnect();
      else session.sendCredentials({ password });
    });
  }

  if (control) {
    scope.add(
      control.watch((may) => {
        viewOnly = !may;
        if (rfb) rfb.viewOnly = viewOnly;
        cad.disabled = viewOnly;
      }),
    );
  }
  scope.add(() => {
    const last = rfb;
    rfb = null;
    last?.disconnect();
  });
  connect();
  return () => scope.close();
}
