// Colours, video, debug mode: what this browser remembers. The host's page and the server's share it.

import { dialogButtons, field, h, modal } from '../dom.js';
import * as prefs from '../prefs.js';

export function openSettings() {
  return modal(
    (close) => {
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
        prefs.put('theme', theme.value);
        prefs.put('webrtc', webrtc.checked);
        prefs.put('debug', debug.checked);
        prefs.applyTheme();
        document.dispatchEvent(new CustomEvent('testbed-theme'));
        document.dispatchEvent(new CustomEvent('testbed-settings'));
        close(true);
      };
      return h(
        'form',
        { method: 'dialog', onsubmit: save },
        h('h2', {}, 'Settings'),
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
