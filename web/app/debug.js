// Debug mode, switched on in the settings: what happens behind the page, in the browser's console.

import * as prefs from './prefs.js';

export function debug(line) {
  if (prefs.get('debug', false)) console.debug('testbed:', line);
}
