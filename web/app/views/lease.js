// The lease panel: take, keep, hand back; who has it; take over for admins.

import { duration } from '../../core/format.js';
import { leaseState, secondsLeft } from '../../core/lease.js';
import { whoIs } from '../../core/who.js';
import { timeOfDay, whoHasIt } from '../../core/words.js';
import { actionButton, confirmDialog, field, fill, h, icon, notice, Scope, text } from '../dom.js';

const TTLS = [
  [300, '5 min'],
  [900, '15 min'],
  [3600, '1 hour'],
  [14400, '4 hours'],
  [86400, '24 hours'],
];

const ASK_S = 120; // a request waits so long for its answer

export function mountLease(root, svc, { id }) {
  const scope = new Scope();
  const body = h('div', { class: 'body stack' });
  const chip = h('span', { class: 'badge plain' });
  root.append(
    h('section', { class: 'panel', 'aria-label': 'Lease' }, h('header', {}, h('h2', {}, 'Control'), chip), body),
  );

  const note = h('input', {
    class: 'input',
    maxlength: '200',
    placeholder: 'What for?',
    value: svc.prefs.get('lease-note', '') ?? '',
  });
  const ttl = h(
    'select',
    { class: 'input' },
    TTLS.map(([s, name]) => h('option', { value: s }, name)),
  );
  ttl.value = String(svc.prefs.get('lease-ttl', 900));
  const request = () => {
    svc.prefs.put('lease-ttl', Number(ttl.value));
    svc.prefs.put('lease-note', note.value.trim());
    return { ttl_s: Number(ttl.value), note: note.value.trim() };
  };
  const who = svc.who ?? whoIs;
  const fail = (e, waited = false) => {
    svc.toast.error(
      e.status === 423
        ? Object.assign(e, {
            title: e.extra?.refused_by ? 'Refused' : waited ? 'No answer' : 'Taken',
            detail: e.extra?.refused_by
              ? `${who(e.extra.refused_by)} keeps it for now. You can watch, and ask again later.`
              : `${waited ? `Nobody answered within ${ASK_S / 60} minutes. ` : ''}${whoHasIt(e.extra, Date.now(), who)}.`,
          })
        : e,
      'Lease',
    );
    svc.reload(id);
  };

  const left = h('strong', { class: 'num' });
  const showLeft = () => {
    const lease = svc.store.state.devices[id]?.lease;
    const s = svc.leases.keeper(id)
      ? Math.max(0, Math.ceil((svc.leases.keeper(id).expiresAt - Date.now()) / 1000))
      : secondsLeft(lease, Date.now());
    text(left, s === null ? '–' : duration(s));
  };

  // ---- asking for what somebody else has ----
  let asking = null; // AbortController of the request that waits
  let told = false; // wants to be told when it is free
  async function ask() {
    asking = new AbortController();
    update();
    try {
      await svc.leases.take(id, request(), { wait_s: ASK_S, signal: asking.signal });
      svc.toast.good(`You have ${id} now`, undefined, `lease ${id}`);
    } catch (error) {
      if (error.name !== 'AbortError') fail(error, true);
    } finally {
      asking = null;
      update();
    }
  }
  const stopAsking = () => asking?.abort();
  scope.add(stopAsking);
  function freed(lease) {
    if (lease || !told) return;
    told = false;
    svc.toast.good(`${id} is free`, 'You may take the lease.');
    svc.announce(`${id} is free`);
    if (document.hidden) document.title = `${id} is free – Testbed`;
  }
  scope.add(svc.store.watch((s) => s.devices[id]?.lease ?? null, freed));

  let shown = '';
  function update() {
    const lease = svc.store.state.devices[id]?.lease ?? null;
    const what = leaseState(lease, svc.leases.isMine(id), Date.now());
    chip.className = `badge plain ${{ free: '', mine: 'accent', other: 'warn' }[what]}`;
    text(chip, { free: 'free', mine: 'yours', other: 'taken' }[what]);
    showLeft();
    const role = svc.store.state.me?.role ?? 'operator';
    const now = JSON.stringify([
      what,
      lease && whoHasIt(lease, Date.now(), who),
      lease?.note,
      role,
      Boolean(asking),
      told,
    ]);
    if (now === shown) return;
    shown = now;
    if (role === 'viewer') {
      fill(
        body,
        h(
          'p',
          { class: 'muted' },
          `${what === 'other' ? `${whoHasIt(lease, Date.now(), who)}. ` : ''}${svc.store.state.me?.why ?? "You may watch: your role is viewer. An operator's token may control."}`,
        ),
      );
    } else if (what === 'free') {
      fill(
        body,
        h('p', { class: 'muted' }, 'Anybody may control it. A lease keeps it for you; others can go on watching.'),
        h('div', { class: 'lease-ask' }, field('Note', note), field('For', ttl)),
        actionButton(
          { class: 'btn primary', id: 'lease-take' },
          [icon('lock'), 'Take the lease'],
          () => svc.leases.take(id, request()),
          fail,
        ),
      );
    } else if (what === 'mine') {
      fill(
        body,
        h(
          'dl',
          { class: 'facts' },
          h('dt', {}, 'Time left'),
          h('dd', {}, left),
          lease.note ? [h('dt', {}, 'Note'), h('dd', {}, lease.note)] : null,
        ),
        h('p', { class: 'muted small' }, 'It is renewed while you work on this page.'),
        h(
          'div',
          { class: 'row' },
          actionButton({ class: 'btn', id: 'lease-renew' }, 'Renew now', () => svc.leases.renew(id), fail),
          actionButton(
            { class: 'btn', id: 'lease-release' },
            [icon('unlock'), 'Release'],
            () => svc.leases.release(id),
            fail,
          ),
        ),
      );
    } else {
      fill(
        body,
        notice(
          'warn',
          `${who(lease.holder)} controls this device, and has it until ${timeOfDay(lease.expires_at)}. You can watch.`,
        ),
        h(
          'dl',
          { class: 'facts' },
          h('dt', {}, 'Time left'),
          h('dd', {}, left),
          lease.note ? [h('dt', {}, 'Note'), h('dd', {}, lease.note)] : null,
        ),
        asking
          ? h('p', { role: 'status' }, `You asked. ${who(lease.holder)} has two minutes to grant or refuse it.`)
          : null,
        h(
          'div',
          { class: 'row' },
          asking
            ? h('button', { type: 'button', class: 'btn', onclick: stopAsking }, 'Stop asking')
            : h('button', { type: 'button', class: 'btn primary', id: 'lease-ask', onclick: ask }, 'Ask for control'),
          h(
            'label',
            { class: 'check' },
            h('input', {
              type: 'checkbox',
              id: 'lease-tell',
              checked: told,
              onchange: (e) => (told = e.target.checked),
            }),
            'Tell me when it is free',
          ),
        ),
        role !== 'admin'
          ? null
          : actionButton(
              { class: 'btn danger', id: 'lease-takeover' },
              'Take over …',
              async () => {
                const sure = await confirmDialog({
                  title: `Take over ${id}?`,
                  message: `${who(lease.holder)} loses control at once and can go on watching. Only an admin may do this.`,
                  action: 'Take over',
                  danger: true,
                });
                if (sure) await svc.leases.takeOver(id, request());
              },
              fail,
            ),
      );
    }
  }

  scope.add(svc.store.watch((s) => s.devices[id]?.lease, update));
  scope.add(svc.store.watch((s) => s.me, update));
  scope.add(
    svc.leases.on('change', (d) => {
      if (d === id) {
        shown = '';
        update();
      }
    }),
  );
  scope.interval(update, 1000);
  return () => scope.close();
}

/** Why this user may not control the device now: his role, or who has the lease; '' when he may. */
export function whyNot(svc, id) {
  const device = svc.store.state.devices[id];
  const { me } = svc.store.state;
  if (me?.role === 'viewer') return me.why ?? 'You may watch: your role is viewer';
  const what = leaseState(device?.lease, svc.leases.isMine(id), Date.now());
  return what === 'other' ? whoHasIt(device.lease, Date.now(), svc.who).replace(' it', ' the lease') : '';
}

/** Who may control the device right now: watch(fn(may, why)) for views that send. */
export function controlOf(svc, id, scope) {
  const listeners = new Set();
  const now = () => {
    const why = whyNot(svc, id);
    return [!why, why];
  };
  let last = now();
  const tell = () => {
    const next = now();
    if (next[0] === last[0] && next[1] === last[1]) return;
    last = next;
    for (const fn of listeners) fn(...next);
  };
  scope.add(svc.store.watch((s) => s.devices[id]?.lease, tell));
  scope.add(svc.store.watch((s) => s.me, tell));
  scope.add(svc.leases.on('change', tell));
  scope.interval(tell, 1000);
  return {
    get may() {
      return last[0];
    },
    watch(fn) {
      listeners.add(fn);
      fn(...last);
      return () => listeners.delete(fn);
    },
  };
}
