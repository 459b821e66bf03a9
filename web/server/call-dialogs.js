// Dialogs within a call: devices of this browser, a bench device to bring, who else is asked in, control that somebody
// asks for.

import { actionButton, dialogButtons, field, fill, h, modal, text } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { linkBox } from './common.js';

/** Camera, microphone, and where others are heard. */
export function openDevices({ media, output }) {
  return modal(
    (close) => {
      const inner = h('div', { class: 'inner' });
      media.list().then((all) => {
        const pick = (kind, words, current, run) => {
          const own = all.filter((d) => d.kind === kind);
          if (!own.length) return null;
          const select = h(
            'select',
            { class: 'input', onchange: (e) => run(e.target.value) },
            own.map((d, i) => h('option', { value: d.deviceId }, d.label || `${words} ${i + 1}`)),
          );
          if (own.some((d) => d.deviceId === current)) select.value = current;
          return field(words, select);
        };
        const can = typeof HTMLMediaElement.prototype.setSinkId === 'function';
        fill(
          inner,
          h('h2', {}, 'Camera, microphone, sound'),
          pick('videoinput', 'Camera', media.chosen.video, (id) => media.choose('video', id)),
          pick('audioinput', 'Microphone', media.chosen.audio, (id) => media.choose('audio', id)),
          can
            ? pick('audiooutput', 'Where you hear the others', prefs.get('call.output', ''), (id) => {
                prefs.put('call.output', id);
                output(id);
              })
            : null,
          h(
            'div',
            { class: 'buttons' },
            h('button', { type: 'button', class: 'btn primary', onclick: () => close() }, 'Done'),
          ),
        );
        inner.querySelector('select, button').focus();
      });
      return inner;
    },
    { label: 'Camera, microphone, sound' },
  );
}

/** Which device is brought into the call; `bring(device)` does it. */
export function openBench({ api, toast, bring }) {
  return modal(
    (close) => {
      const inner = h('div', { class: 'inner' }, h('h2', {}, 'Bring a bench device'));
      const problem = h('p', { class: 'error-text', role: 'alert' });
      const submit = h('button', { type: 'submit', class: 'btn primary' }, 'Bring it');
      api.get('api/devices').then(
        (all) => {
          const shown = all.filter((d) => (d.interfaces ?? []).some((i) => (i.kind ?? i) === 'video'));
          const names = shown.map((d) => d.id ?? `${d.host}/${d.device}`);
          const select = h(
            'select',
            { class: 'input', id: 'bench-device' },
            names.length
              ? names.map((n) => h('option', { value: n }, n))
              : h('option', { value: '' }, 'No device with a picture is connected'),
          );
          submit.disabled = names.length === 0;
          const form = h(
            'form',
            {
              class: 'stack',
              onsubmit: async (e) => {
                e.preventDefault();
                submit.disabled = true;
                try {
                  await bring(select.value);
                  close();
                } catch (error) {
                  text(problem, error.message);
                  submit.disabled = false;
                }
              },
            },
            field(
              'Device',
              select,
              'Everybody in the call sees and hears it, guests too, until you take it away or leave. Nobody controls it by that.',
            ),
            problem,
            dialogButtons(() => close(), submit),
          );
          inner.append(form);
          select.focus();
        },
        (error) => {
          close();
          toast.error(error, 'Devices');
        },
      );
      return inner;
    },
    { label: 'Bring a bench device' },
  );
}

const LIVES = [
  ['3600', '1 hour'],
  ['86400', '1 day'],
  ['604800', '7 days'],
];

/** Further users, and a link for who has no account. */
export function openGuests({ api, base, toast, callId }) {
  const at = `webrtc/calls/${encodeURIComponent(callId)}`;
  return modal(
    (close) => {
      const user = h('input', { class: 'input', id: 'invite-user', maxlength: '190', autocomplete: 'off' });
      const life = h(
        'select',
        { class: 'input', id: 'guest-life' },
        LIVES.map(([value, name]) => h('option', { value }, name)),
      );
      const link = h('div', {});
      const trouble = (error) => toast.error(error, 'Ask in');
      return h(
        'div',
        { class: 'inner' },
        h('h2', {}, 'Ask somebody in'),
        h(
          'form',
          {
            class: 'stack',
            onsubmit: async (e) => {
              e.preventDefault();
              if (!user.value.trim()) return;
              try {
                await api.json('POST', `${at}/invite`, { body: { userId: user.value.trim() } });
                toast.good(`It rings for ${user.value.trim()}`);
                user.value = '';
              } catch (error) {
                trouble(error);
              }
            },
          },
          field('A user of this server', user),
          h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'btn' }, 'Ring')),
        ),
        field('A guest by a link, good for', life, 'Whoever has the link can come in until then.'),
        link,
        h(
          'div',
          { class: 'buttons' },
          actionButton(
            { class: 'btn quiet danger' },
            'Take back all links',
            async () => {
              await api.raw('DELETE', `${at}/guests`);
              fill(link, h('p', { role: 'status' }, 'No link opens this call any more, and who was in by one is out.'));
            },
            trouble,
          ),
          actionButton(
            { class: 'btn', id: 'guest-link' },
            'Make a link',
            async () => {
              const made = await api.json('POST', `${at}/guests`, { body: { ttl_s: Number(life.value) } });
              const own = new URL(made.guestUrl, base);
              const url = new URL(`call${own.search}${own.hash}`, base).href; // as this page was reached
              fill(link, linkBox('Guest link', url, toast));
              link.querySelector('input').focus();
            },
            trouble,
          ),
          h('button', { type: 'button', class: 'btn primary', onclick: () => close() }, 'Done'),
        ),
      );
    },
    { label: 'Ask somebody in', wide: true },
  );
}

/** Control of a bench device: who has brought it grants or refuses, the other is told; `given`: sessions to be taken back. */
export async function settleControl({ event, data, api, base, call, toast, given, nameOf }) {
  const { device, fromUserId } = data;
  if (event === 'request') {
    const name = nameOf(fromUserId);
    const granted = await modal(
      (close) =>
        h(
          'div',
          { class: 'inner' },
          h('h2', {}, `${name} asks for control of ${device}`),
          h(
            'p',
            {},
            'Whoever controls it can press keys, use its console and switch its power, as the host allows. It ends when you leave.',
          ),
          h(
            'div',
            { class: 'buttons' },
            h('button', { type: 'button', class: 'btn', id: 'control-refuse', onclick: () => close(false) }, 'Refuse'),
            h(
              'button',
              { type: 'button', class: 'btn primary', id: 'control-grant', onclick: () => close(true) },
              'Grant',
            ),
          ),
        ),
      { label: `${name} asks for control` },
    );
    const answer = { device, targetUserId: fromUserId, granted: granted === true };
    if (granted) {
      try {
        const made = await api.json('POST', 'api/session', {
          body: { device, mode: 'control', observers: 1, ttl_s: 3600, note: `Call: ${name}` },
        });
        given.push(made);
        answer.controlUrl = new URL(made.controlUrl, base).href;
      } catch (error) {
        answer.granted = false;
        toast.error(error, 'Control');
      }
    }
    call.say('answer-control', answer);
    return;
  }
  if (!data.granted || !data.controlUrl) {
    toast.warn('Refused', `${nameOf(fromUserId)} does not give control of ${device}.`);
    return;
  }
  // its path alone: where it leads is this server, whoever has said it
  const { pathname, hash } = new URL(data.controlUrl, base);
  const url = new URL(`v/${pathname.split('/').at(-1)}${hash}`, base).href;
  await modal(
    (close) =>
      h(
        'div',
        { class: 'inner' },
        h('h2', {}, `You may control ${device}`),
        h('p', {}, 'It opens in a page of its own, beside the call.'),
        h(
          'div',
          { class: 'buttons' },
          h('button', { type: 'button', class: 'btn', onclick: () => close() }, 'Not now'),
          h(
            'a',
            {
              class: 'btn primary',
              id: 'control-open',
              href: url,
              target: '_blank',
              rel: 'noopener',
              onclick: () => close(),
            },
            'Open',
          ),
        ),
      ),
    { label: `You may control ${device}` },
  );
}
