// Who is told of a device's events, and how: chats of Telegram, topics of ntfy, mail addresses; their quiet hours, a
// test of each, invites for others.

import { actionButton, badge, dialogButtons, empty, field, fill, h, modal, text } from '../app/dom.js';
import { linkBox } from './common.js';
import { browserName, subscribe, whyNoPush } from './push.js';

const POLL_MS = 2000; // while somebody is expected to press Start in Telegram
const NAMES = { telegram: 'Telegram', ntfy: 'ntfy', email: 'Mail', webhook: 'Webhook', push: 'Browser' };
const ADDRESS = {
  ntfy: ['Topic', 'a-topic-that-nobody-guesses', 'Who has this topic in the ntfy app is told.'],
  email: ['Mail address', 'somebody@example.org', 'Each event is a mail; many at once are one.'],
};

/** `devices`: ids, at least one. */
export function openRecipients({ api, toast, devices }) {
  let over = false;
  const end = () => (over = true);
  return modal(
    (close) => {
      const device = h(
        'select',
        { class: 'input', onchange: () => load() },
        devices.map((id) => h('option', { value: id }, id)),
      );
      const list = h('div', { 'aria-live': 'polite' });
      const how = h('div', { class: 'row' });
      const part = h('div', { class: 'stack' });
      const problem = h('p', { class: 'error-text', role: 'alert', hidden: true });
      const fail = (error) => {
        text(problem, error.message);
        problem.hidden = false;
      };
      const ask = (method, path, body, query) => {
        problem.hidden = true;
        return api.json(method, `notifications/${path}`, { body, query });
      };
      const act = (label, name, run, cls = 'btn') =>
        actionButton({ class: cls, 'aria-label': `${label}: ${name}` }, label, run, fail);

      async function load() {
        fill(part);
        const at = { device_id: device.value };
        try {
          await api.json('POST', 'devices/register', { body: at });
          const said = await api.get('notifications/recipients', { query: at });
          show(said);
        } catch (error) {
          fill(list);
          fill(how);
          fail(error);
        }
      }

      function show({ recipients, providers, push_key: key }) {
        const rows = recipients.map(rowOf);
        if (providers.includes('webhook')) rows.push(webhookRow());
        fill(list, rows.length ? h('ul', { class: 'list' }, rows) : empty('eye', 'Nobody is told of this device yet.'));
        const ways = providers.filter((p) => p !== 'webhook' && p !== 'push');
        const noPush = key ? whyNoPush() : null;
        fill(
          how,
          ways.map((p) => h('button', { type: 'button', class: 'btn', onclick: () => begin(p) }, `Add ${NAMES[p]}`)),
          ways.includes('telegram') ? actionButton({ class: 'btn' }, 'Invite somebody', invite, fail) : null,
          key && !noPush ? actionButton({ class: 'btn' }, 'Tell this browser', () => tellHere(key), fail) : null,
          noPush ? h('p', { class: 'hint' }, noPush) : null,
          ways.length || key
            ? null
            : h(
                'p',
                { class: 'hint' },
                'The server has no bot, no ntfy, no mail and no push: events: telegram, ntfy, email, push in its configuration.',
              ),
        );
      }

      function rowOf(r) {
        const name = r.name && r.provider !== 'push' ? `${r.name} (${r.address})` : (r.name ?? r.address);
        const quiet = r.quiet_from ? `not from ${r.quiet_from} to ${r.quiet_to}${r.zone ? ` (${r.zone})` : ''}` : null;
        const who = { device_id: device.value, endpoint_id: r.endpoint_id };
        return h(
          'li',
          { class: 'row', dataset: { endpoint: r.endpoint_id } },
          h(
            'div',
            { class: 'main' },
            h('div', { class: 'row' }, badge(NAMES[r.provider] ?? r.provider, 'accent', true), h('span', {}, name)),
            quiet ? h('span', { class: 'muted small' }, quiet) : null,
          ),
          h(
            'span',
            { class: 'row tight' },
            r.subscribed
              ? [
                  act('Test', name, () => tryOut(who, name)),
                  h(
                    'button',
                    {
                      type: 'button',
                      class: 'btn',
                      'aria-label': `Quiet hours: ${name}`,
                      onclick: () => quietHours(r, who),
                    },
                    'Quiet hours',
                  ),
                  act('Tell no more', name, () => ask('DELETE', 'recipients', undefined, who).then(load), 'btn danger'),
                ]
              : act('Tell him', name, () => ask('POST', 'recipients', who).then(load)),
          ),
        );
      }

      function webhookRow() {
        const who = { device_id: device.value, endpoint_id: 'webhook' };
        return h(
          'li',
          { class: 'row' },
          h('div', { class: 'main' }, h('div', { class: 'row' }, badge('Webhook', 'accent', true), 'of all devices')),
          act('Test', 'the webhook', () => tryOut(who, 'The webhook')),
        );
      }

      async function tryOut(who, name) {
        const { ok, reason } = await ask('POST', 'test', who);
        if (ok) toast.good(`${name}: the test was taken.`);
        else throw new Error(`${name} was not reached: ${reason}`);
      }

      // --- somebody new
      async function tellHere(key) {
        const address = await subscribe(key);
        await ask('POST', 'recipients', { device_id: device.value, provider: 'push', address, name: browserName() });
        await load();
      }

      function begin(provider) {
        if (provider === 'telegram') {
          startLink(() => ask('POST', 'telegram/link/start', { device_id: device.value })).catch(fail);
          return;
        }
        const [label, placeholder, hint] = ADDRESS[provider];
        const address = h('input', { class: 'input', required: true, maxlength: '190', placeholder });
        const name = h('input', { class: 'input', maxlength: '190', placeholder: 'Who is it?' });
        const add = async (event) => {
          event.preventDefault();
          try {
            await ask('POST', 'recipients', {
              device_id: device.value,
              provider,
              address: address.value.trim(),
              ...(name.value.trim() ? { name: name.value.trim() } : {}),
            });
            await load();
          } catch (error) {
            fail(error);
          }
        };
        fill(
          part,
          h(
            'form',
            { class: 'stack', onsubmit: add },
            field(label, address, hint),
            field('Name', name),
            h('button', { type: 'submit', class: 'btn primary' }, 'Add'),
          ),
        );
        address.focus();
      }

      async function startLink(begun) {
        const link = await begun();
        if (!link.attempt_id) throw new Error(link.reason);
        const state = h(
          'p',
          { class: 'hint', role: 'status' },
          'Open it where Telegram is, and press Start. It holds once, for a few minutes.',
        );
        fill(
          part,
          linkBox('Link to the bot', link.connect_url, toast),
          h('p', { class: 'hint' }, 'Or write to the bot: ', h('code', {}, link.fallback_command)),
          state,
        );
        const query = { device_id: link.device_id, attempt_id: link.attempt_id };
        while (!over && state.isConnected) {
          await new Promise((done) => setTimeout(done, POLL_MS));
          if (over || !state.isConnected) return;
          const now = await api.get('notifications/telegram/link/status', { query });
          if (now.status === 'pending') continue;
          if (now.status === 'ready') {
            toast.good('The chat is connected.');
            await load();
          } else text(state, now.reason);
          return;
        }
      }

      async function invite() {
        const made = await ask('POST', 'invites', { device_id: device.value });
        const url = new URL(`timeline?invite=${encodeURIComponent(made.invite_code)}`, document.baseURI).href;
        fill(
          part,
          linkBox('Link for who is to be told', url, toast),
          h(
            'p',
            { class: 'hint' },
            `He needs an account here, and Telegram. It is shown only now, and is good once, until ${new Date(made.expires_at).toLocaleString()}.`,
          ),
        );
      }

      function quietHours(r, who) {
        const from = h('input', { class: 'input', type: 'time', required: true, value: r.quiet_from ?? '22:00' });
        const to = h('input', { class: 'input', type: 'time', required: true, value: r.quiet_to ?? '07:00' });
        const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
        const save = (more) => ask('POST', 'recipients', { ...who, ...more }).then(load, fail);
        fill(
          part,
          h(
            'form',
            {
              class: 'stack',
              onsubmit: (event) => {
                event.preventDefault();
                save({ quiet_from: from.value, quiet_to: to.value, zone });
              },
            },
            field('Quiet from', from, `Times in ${zone}. What happens meanwhile comes afterwards, as one message.`),
            field('Quiet until', to),
            h(
              'div',
              { class: 'row' },
              h('button', { type: 'submit', class: 'btn primary' }, 'Keep'),
              h(
                'button',
                { type: 'button', class: 'btn', onclick: () => save({ quiet_from: '', quiet_to: '' }) },
                'At any time',
              ),
            ),
          ),
        );
        from.focus();
      }

      load();
      return [
        h('h2', {}, 'Who is told'),
        field('Device', device),
        list,
        how,
        part,
        problem,
        h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'btn', onclick: () => close() }, 'Close')),
      ];
    },
    { wide: true, label: 'Who is told' },
  ).finally(end);
}

/** Who came by an invite gets his link to the bot. */
export function openInvite({ api, toast, code }) {
  return modal(
    (close) => {
      const part = h('div', { class: 'stack' });
      const problem = h('p', { class: 'error-text', role: 'alert', hidden: true });
      const accept = async () => {
        const link = await api.json('POST', 'notifications/invites/accept', { body: { invite_code: code } });
        if (!link.attempt_id) throw new Error(link.reason);
        fill(
          part,
          linkBox('Link to the bot', link.connect_url, toast),
          h('p', { class: 'hint' }, 'Open it where Telegram is, and press Start: you are told from then on.'),
        );
      };
      return [
        h('h2', {}, 'You were invited'),
        h('p', {}, 'Somebody wants you to be told by Telegram of what a device notices.'),
        part,
        problem,
        dialogButtons(
          () => close(),
          actionButton({ class: 'btn primary' }, 'Accept', accept, (error) => {
            text(problem, error.message);
            problem.hidden = false;
          }),
        ),
      ];
    },
    { label: 'You were invited' },
  );
}
