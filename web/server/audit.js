// Who saw and did what on the server: rows of its audit log, filtered, the newest first.

import { field, fill, h, notice, text } from '../app/dom.js';

const asked = { user: '', action: '', object: '' };

/** Fills `box` with it; `attempt(what, run)` says what went wrong. */
export async function showAudit({ api, box, attempt }) {
  const rows = h('tbody', {});
  const more = h('button', { type: 'button', class: 'btn', hidden: true }, 'Older');
  const count = h('p', { class: 'muted small', role: 'status' });
  const verdict = h('div', { class: 'stack' });
  const check = h('button', { type: 'button', class: 'btn' }, 'Check the whole log');
  check.addEventListener('click', () =>
    attempt('Check of the audit log', async () => {
      fill(verdict, h('p', { class: 'muted small' }, 'Reading all of it …'));
      fill(verdict, ...verdictOf(await api.get('api/audit/check')));
    }),
  );
  const file = (format, label) =>
    h('a', { class: 'btn', href: `api/audit/export?format=${format}`, download: `audit.${format}` }, label);
  const input = (key, label) =>
    field(
      label,
      h('input', {
        class: 'input',
        value: asked[key],
        onchange: (e) => {
          asked[key] = e.target.value.trim();
          attempt('Audit log', () => page1());
        },
      }),
    );
  let next = null;
  const add = async (before) => {
    const answer = await api.get('api/audit', { query: { ...asked, before, limit: 100 } });
    ({ next } = answer);
    more.hidden = next === null;
    rows.append(...answer.rows.map(auditRow));
    text(count, `${rows.children.length} rows${next === null ? '' : ', and older ones'}.`);
  };
  const page1 = () => {
    fill(rows);
    return add();
  };
  more.addEventListener('click', () => attempt('Audit log', () => add(next)));
  fill(
    box,
    h(
      'section',
      { class: 'panel', 'aria-label': 'Audit log' },
      h(
        'div',
        { class: 'body stack' },
        h('div', { class: 'row' }, input('user', 'User'), input('action', 'Action begins'), input('object', 'At')),
        count,
        h(
          'div',
          { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'Rows' },
          h(
            'table',
            { class: 'grid' },
            h(
              'thead',
              {},
              h(
                'tr',
                {},
                ['Time', 'User', 'Action', 'At', 'Outcome', 'From', 'Request'].map((t) => h('th', { scope: 'col' }, t)),
              ),
            ),
            rows,
          ),
        ),
        h(
          'div',
          { class: 'buttons' },
          more,
          check,
          file('jsonl', 'Save as JSON lines'),
          file('csv', 'Save as a table'),
        ),
        verdict,
      ),
    ),
  );
  await page1();
}

/** What a check found, in words: that all is as it was written, or what is not. */
function verdictOf({ ok, entries, erased, first, head, found, findings }) {
  const since = first ? ` since ${new Date(first).toLocaleString()}` : '';
  const lost = erased ? `; ${erased} are of people who were erased` : '';
  const note = `Its newest hash is ${head}. Noted elsewhere, it proves later that nothing before it was written anew.`;
  const many = found === 1 ? 'one finding' : `${found} findings`;
  const of = (f) => (f.at ? `${new Date(f.at).toLocaleString()}: ` : '');
  return ok
    ? [notice('good', `All ${entries} entries${since} are what was written${lost}. ${note}`)]
    : [
        notice('bad', `The log is not what was written: ${many} in ${entries} entries${since}.`),
        h('ul', {}, ...findings.map((f) => h('li', {}, `${of(f)}${f.what}.`))),
      ];
}

const auditRow = (r) =>
  h(
    'tr',
    {},
    [
      new Date(r.at).toLocaleString(),
      r.user || 'nobody',
      r.action,
      r.object,
      r.outcome === 'ok' ? 'ok' : `refused (${r.outcome})`,
      r.address,
    ].map((cell) => h('td', {}, cell)),
    h('td', {}, h('code', {}, r.request)),
  );
