// The phone page's switches: one row per source, with what it gives, its state, and what helps where it is refused.

import { h, icon, notice, set, text } from '../app/dom.js';

const SAYS = { off: 'Off', asking: 'Asking …', on: 'On', refused: 'Refused', missing: 'Not here' };

/**
 * @param {object} source  of phone-sources.js
 * @param {{label: string, gives: string, symbol: string, more?: HTMLElement}} o   `more` is shown while it is on
 */
export function switchRow(source, { label, gives, symbol, more = null }) {
  const words = h('div', { role: 'status' });
  const state = h('span', { class: 'small' }, SAYS.off);
  const button = h(
    'button',
    {
      type: 'button',
      class: 'btn switch',
      role: 'switch',
      'aria-checked': 'false',
      'aria-label': label,
      onclick: () => (source.state === 'on' || source.state === 'asking' ? source.stop() : source.start()),
    },
    state,
  );
  const row = h(
    'li',
    { class: 'source', dataset: { source: label.toLowerCase() } },
    h(
      'div',
      { class: 'row' },
      icon(symbol),
      h('div', { class: 'grow' }, h('strong', {}, label), h('div', { class: 'muted small' }, gives)),
      button,
    ),
    words,
    more,
  );
  const show = () => {
    text(state, SAYS[source.state]);
    set(button, { 'aria-checked': String(source.state === 'on') });
    button.classList.toggle('primary', source.state === 'on');
    words.replaceChildren(...(source.words ? [notice(source.state === 'on' ? 'warn' : 'bad', source.words)] : []));
    if (more) more.hidden = source.state !== 'on';
  };
  source.onChange = show;
  show();
  return row;
}
