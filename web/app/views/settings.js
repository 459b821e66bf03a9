// Token, colours, video, debug mode: what this browser remembers. The host's page and the server's share it.

import { dialogButtons, field, h, modal } from '../dom.js';
import * as prefs from '../prefs.js';

/** `onToken`: told after the access token was changed; without it the page asks for tokens elsewhere. */
export function openSettings({
  reason,
  onToken = null,
  tokenHint = 'Kept in this browser. Only needed when the host was configured with tokens.',
} = {}) {
  return modal(
    (close) => {
      const token = h('input', {
        class: 'input',
        type: 'password',
        autocomplete: 'current-password',
        value: prefs.get('token') ?? '',
        placeholder: 'none',
        id: 'token',
      });
      const theme = h(
        'select',
        { class: 'input', id: 'theme' },
        [
          ['auto', 'As the system'],
          ['light', 'Light'],
          ['dark', 'Dark'],
        ].map(([v, n]) => h('option', { value: v }, n)),
      );
      theme.value = prefs.get('theme', 'auto');
      const webrtc = h('input', { type: 'checkbox', id: 'webrtc', checked: prefs.get('webrtc', true) });
      const debug = h('input', { type: 'checkbox', id: 'debug', checked: prefs.get('debug', false) });
      const save = (e) => {
        e.preventDefault();
        const was = prefs.get('token');
        if (onToken) prefs.put('token', token.value.trim() || null);
        prefs.put('theme', theme.value);
        prefs.put('webrtc', webrtc.checked);
        prefs.put('debug', debug.checked);
        prefs.applyTheme();
        document.dispatchEvent(new CustomEvent('testbed-theme'));
        document.dispatchEvent(new CustomEvent('testbed-settings'));
        if (was !== prefs.get('token')) onToken?.();
        close(true);
      };
      return h(
        'form',
        { method: 'dialog', onsubmit: save },
        h('h2', {}, 'Settings'),
        reason ? h('p', { class: 'error-text', role: 'alert' }, reason) : null,
        onToken ? field('Access token', token, tokenHint) : null,
        field('Colours', theme),
        h('label', { class: 'check' }, webrtc, 'Live video by WebRTC (off: the fallback picture)'),
        h(
          'label',
          { class: 'check' },
          debug,
          'Debug mode: commands, events and WebRTC states in the browser’s console',
        ),
        dialogButtons(() => close(null), 'Save'),
      );
    },
    { label: 'Settings' },
  );
}
