// Settings of a serial line.

import { dialogButtons, field, h, modal, text } from '../dom.js';
import { portRows } from './ports.js';

/** Asks for other settings of the line. `settings`: as they are; `done`: told after they were changed. */
export function lineDialog(api, { id, iface, settings: s, done }) {
  modal(
    (close) => {
      const select = (name, values) => {
        const el = h(
          'select',
          { class: 'input', name },
          values.map((v) => h('option', { value: String(v) }, String(v))),
        );
        el.value = String(s[name] ?? values[0]);
        return el;
      };
      const baud = h('input', {
        class: 'input',
        name: 'baud',
        type: 'number',
        min: '50',
        max: '12000000',
        value: String(s.baud ?? 115200),
        list: 'bauds',
      });
      const f = {
        data_bits: select('data_bits', [8, 7, 6, 5]),
        parity: select('parity', ['none', 'even', 'odd', 'mark', 'space']),
        stop_bits: select('stop_bits', [1, 2]),
        flow: select('flow', ['none', 'rtscts', 'xonxoff']),
      };
      const dtr = h('input', { type: 'checkbox', checked: s.dtr === true || s.dtr === 1 });
      const rts = h('input', { type: 'checkbox', checked: s.rts === true || s.rts === 1 });
      const error = h('p', { class: 'error-text', role: 'alert' });
      const rows = s.baud
        ? [
            field('Baud', baud),
            field('Data bits', f.data_bits),
            field('Parity', f.parity),
            field('Stop bits', f.stop_bits),
            field('Flow control', f.flow),
            h(
              'div',
              { class: 'row' },
              h('label', { class: 'check' }, dtr, 'DTR'),
              h('label', { class: 'check' }, rts, 'RTS'),
            ),
          ]
        : [];
      return h(
        'form',
        {
          method: 'dialog',
          onsubmit: async (e) => {
            e.preventDefault();
            if (!s.baud) return close(null);
            try {
              await api.setConsole(id, iface.name, {
                baud: Number(baud.value),
                data_bits: Number(f.data_bits.value),
                parity: f.parity.value,
                stop_bits: Number(f.stop_bits.value),
                flow: f.flow.value,
                dtr: dtr.checked,
                rts: rts.checked,
              });
              close(true);
              done();
            } catch (problem) {
              text(error, problem.message);
            }
          },
        },
        h('h2', {}, `Line of ${iface.name}`),
        h(
          'datalist',
          { id: 'bauds' },
          [9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1500000].map((b) => h('option', { value: b })),
        ),
        rows,
        portRows(s),
        error,
        dialogButtons(() => close(null), s.baud ? 'Apply' : 'OK'),
      );
    },
    { label: 'Line settings' },
  );
}
