// Hosts that join from elsewhere: an admin makes a token, gives the command to who sits at that host, and sees it come.

import { timeOfDay } from '../core/words.js';
import {
  actionButton,
  badge,
  confirmDialog,
  dialogButtons,
  field,
  fill,
  h,
  icon,
  modal,
  notice,
  text,
} from '../app/dom.js';

const TONES = { waiting: 'warn', joined: 'good', expired: 'neutral' };

/** What an enrolment is now, in words: "waiting", "joined as lab-1", "expired"; and what else is worth knowing. */
function stateOf(e) {
  if (e.state === 'joined')
    return { words: `joined as ${e.host}`, more: e.online ? 'connected' : `away, last seen ${timeOfDay(e.lastSeen)}` };
  if (e.state === 'expired') return { words: 'expired', more: `since ${timeOfDay(e.expiresAt)}` };
  return { words: 'waiting', more: `until ${timeOfDay(e.expiresAt)}` };
}

/** A command to be copied: it wraps, so that it can be read as a whole on a phone. */
function commandBox(label, command, { toast, announce }) {
  const code = h('code', {}, command);
  return h(
    'div',
    { class: 'field' },
    h('span', { class: 'label' }, label),
    h('pre', { class: 'output', tabindex: '0', 'aria-label': label }, code),
    h(
      'div',
      {},
      h(
        'button',
        {
          type: 'button',
          class: 'btn',
          'aria-label': `Copy: ${label}`,
          onclick: async () => {
            try {
              await navigator.clipboard.writeText(command);
              toast.good('Copied');
              announce('Copied');
            } catch {
              getSelection().selectAllChildren(code);
              toast.info('The command is selected: copy it by hand');
            }
          },
        },
        icon('copy'),
        'Copy',
      ),
    ),
  );
}

/** The part of the front page about them. `button` and `el` stay hidden from who may not; `read()` looks from then on, until
 *  this token is known not to be an admin's. */
export function makeHosts({ api, lists, toast, announce }) {
  const list = h('ul', { class: 'list' });
  const el = h(
    'section',
    { class: 'panel joins', 'aria-label': 'Hosts added here', hidden: true },
    h('header', {}, h('h2', {}, 'Hosts added here')),
    list,
  );
  const button = h(
    'button',
    { type: 'button', class: 'btn', id: 'add-host', hidden: true, onclick: open },
    'Add a host…',
  );
  let shown = '';
  let forget = null; // while it is read
  let watched = null; // of the dialog that is open: {id, told}

  function read() {
    forget ??= lists.read('enrol', show, (error) => {
      if (error.status !== 401 && error.status !== 403) return; // as it was: the page says that the server is away
      forget?.();
      forget = null;
      show(null); // not for us to see
    });
  }

  const load = () => lists.ask('enrol');

  function show(all) {
    button.hidden = all === null;
    el.hidden = !all?.length;
    const mine = all?.find((e) => e.id === watched?.id);
    if (mine) watched.tell(mine);
    const now = JSON.stringify(all);
    if (now === shown) return;
    shown = now;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.revoke : null;
    fill(list, (all ?? []).map(row));
    if (focused) (list.querySelector(`[data-revoke="${CSS.escape(focused)}"]`) ?? button).focus();
  }

  function row(e) {
    const { words, more } = stateOf(e);
    const name = e.host ?? e.name ?? 'any name';
    return h(
      'li',
      { dataset: { enrolment: e.id } },
      h(
        'div',
        { class: 'main' },
        h(
          'div',
          { class: 'row' },
          h('strong', { class: 'ellipsis' }, name),
          badge(words, e.state === 'joined' && !e.online ? 'neutral' : TONES[e.state]),
        ),
        h('span', { class: 'muted small' }, `${more}; added ${timeOfDay(e.createdAt)}`),
      ),
      actionButton(
        { class: 'btn danger', dataset: { revoke: e.id }, 'aria-label': `Revoke the token of ${name}` },
        'Revoke',
        () => revoke(e, name),
        (error) => toast.error(error, 'Revoke'),
      ),
    );
  }

  async function revoke(e, name) {
    const sure =
      e.state !== 'joined' ||
      (await confirmDialog({
        title: `Revoke the token of ${name}?`,
        message: 'The host is sent away and cannot come back by this token. It can be added again.',
        action: 'Revoke',
        danger: true,
      }));
    if (!sure) return;
    try {
      await api.json('DELETE', `api/enrol/${encodeURIComponent(e.id)}`);
    } finally {
      await load();
    }
    announce(`The token of ${name} was revoked`);
  }

  function showCommand(inner, made, close) {
    const state = h('p', { role: 'status' });
    let told = '';
    const tell = (e) => {
      const { words, more } = stateOf(e);
      if (told === words + more) return; // it is read out
      told = words + more;
      fill(state, badge(words, TONES[e.state]), h('span', { class: 'sr-only' }, ', '), ' ', more);
    };
    watched = { id: made.id, tell };
    tell(made);
    const done = h('button', { type: 'button', class: 'btn primary', onclick: () => close() }, 'Done');
    const docker = commandBox('On the host, with Docker', made.commands.docker, { toast, announce });
    fill(
      inner,
      h('h2', {}, made.name ? `Add the host ${made.name}` : 'Add a host'),
      notice('warn', 'The command holds the token, and is shown only now. It is good for the first host that runs it.'),
      made.notes.map((note) => notice('warn', note)),
      docker,
      commandBox('Or on a lab PC with the package testbed-host', made.commands.systemd, { toast, announce }),
      state,
      h('div', { class: 'buttons' }, done),
    );
    docker.querySelector('pre').focus(); // not a button: who holds Enter would press it, and what is shown once were gone
  }

  function open() {
    return modal(
      (close) => {
        const name = h('input', {
          class: 'input',
          id: 'host-name',
          maxlength: '64',
          autocomplete: 'off',
          spellcheck: 'false',
        });
        const problem = h('p', { class: 'error-text', role: 'alert', hidden: true });
        const submit = h('button', { type: 'submit', class: 'btn primary' }, 'Show the command');
        const inner = h('div', { class: 'inner' });
        const make = async (event) => {
          event.preventDefault();
          if (submit.getAttribute('aria-busy') === 'true') return;
          submit.setAttribute('aria-busy', 'true');
          problem.hidden = true;
          name.removeAttribute('aria-invalid');
          try {
            const made = await api.json('POST', 'api/enrol', {
              body: name.value.trim() ? { name: name.value.trim() } : {},
            });
            showCommand(inner, made, close);
            await load();
          } catch (error) {
            text(problem, error.message);
            problem.hidden = false;
            if (error.field === 'name') name.setAttribute('aria-invalid', 'true');
            name.focus();
          } finally {
            submit.removeAttribute('aria-busy');
          }
        };
        return fill(
          inner,
          h(
            'form',
            { class: 'stack', onsubmit: make },
            h('h2', {}, 'Add a host'),
            h('p', {}, 'A host elsewhere joins by one command, and needs no open port.'),
            field(
              'Name (optional)',
              name,
              'The one name that the host may have here. Without one it takes its machine’s.',
            ),
            problem,
            dialogButtons(() => close(), submit),
          ),
        );
      },
      { label: 'Add a host', wide: true },
    ).then(() => {
      watched = null;
    });
  }

  const newToken = read;

  function hide() {
    button.hidden = el.hidden = true;
  }

  return { button, el, read, newToken, hide };
}
