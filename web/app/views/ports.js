// Beside the settings of a line: the TCP ports of the console, and its tty lent to a program of the host.

import { clockTime } from '../../core/format.js';
import { dialogButtons, h, modal, text } from '../dom.js';

const PROTOCOLS = [
  ['rfc2217', 'RFC 2217'],
  ['tcp', 'Bare TCP'],
];
const LENT_S = [60, 300, 900, 3600];

/** The ports of GET …/console as rows; null: none was asked for. */
export function portRows(settings) {
  const rows = PROTOCOLS.filter(([key]) => settings[key]?.listen).map(([key, name]) => {
    const { listen, open, why } = settings[key];
    return h(
      'li',
      {},
      h('span', { class: `dot ${open ? 'good' : 'bad'}` }),
      ` ${name} at `,
      h('code', {}, listen),
      open ? ' is open' : ` stays closed: ${why ?? 'the log says why'}`,
    );
  });
  return rows.length ? h('ul', { class: 'plain ports' }, rows) : null;
}

/** "Lent to a program on the host until 14:03, by ann"; null: it is not. */
export function lentWords({ released } = {}) {
  if (!released) return null;
  return `Lent to a program on the host until ${clockTime(Date.parse(released.until))}${released.by ? `, by ${released.by}` : ''}`;
}

/** Asks for how long a program of the host (esptool, picocom) gets the tty. */
export function lendDialog(api, { id, iface, done }) {
  modal(
    (close) => {
      const error = h('p', { class: 'error-text', role: 'alert' });
      const time = h(
        'select',
        { class: 'input', name: 'for_s', 'aria-label': 'For how long' },
        LENT_S.map((s) => h('option', { value: s }, s < 3600 ? `${s / 60} min` : '1 h')),
      );
      return h(
        'form',
        {
          method: 'dialog',
          onsubmit: async (e) => {
            e.preventDefault();
            try {
              const now = await api.releaseConsole(id, iface.name, Number(time.value));
              close(true);
              done(now);
            } catch (problem) {
              text(error, problem.message);
            }
          },
        },
        h('h2', {}, `Lend ${iface.name}`),
        h(
          'p',
          {},
          'A program that runs on the host itself (esptool, picocom) gets the serial line alone. Who is connected here stays so, and goes on when it is back.',
        ),
        time,
        error,
        dialogButtons(() => close(null), 'Lend'),
      );
    },
    { label: `Lend ${iface.name}` },
  );
}
