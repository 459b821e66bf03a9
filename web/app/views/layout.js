// Where the parts of a device stand on a page (css/device.css has the widths): the picture and the panels beside each
// other where there is room for both, power and control first where there is none.

import { h } from '../dom.js';

/**
 * {el, first, picture, panels, rest}: `el` goes into the page, views go into the others. `first`: power and the lease;
 * `panels`: console, files, plots …; `rest`: what may be scrolled to. An empty one takes no room.
 */
export function deviceLayout() {
  const first = h('div', { class: 'first', role: 'group', 'aria-label': 'Power and control' });
  const picture = h('div', { class: 'picture' });
  const panels = h('div', { class: 'panels' });
  const rest = h('div', { class: 'rest' });
  return { el: h('div', { class: 'device' }, first, picture, panels, rest), first, picture, panels, rest };
}
