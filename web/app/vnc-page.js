// The page of the noVNC port: one VNC session, nothing else. ?path= names the WebSocket (default `websockify`).

import * as prefs from './prefs.js';
import { makeToasts } from './toast.js';
import { mountVnc } from './views/vnc.js';

prefs.applyTheme();
const query = new URLSearchParams(location.search);
const url = new URL(query.get('path') ?? 'websockify', document.baseURI);
if (url.origin !== location.origin) throw new Error('path must stay on this host');
const token = query.get('access_token') ?? prefs.get('token');
if (token) url.searchParams.set('access_token', token);
const viewOnly = ['1', 'true'].includes(query.get('view_only') ?? '');
mountVnc(document.getElementById('main'), { toast: makeToasts(document.body) }, {
  id: query.get('name') ?? 'VNC',
  url: url.href.replace(/^http/, 'ws'),
  control: { may: !viewOnly, watch: (fn) => { fn(!viewOnly, ''); return () => {}; } },
});
