// Before a call: by which name, with which camera and microphone; what they see and hear of oneself.

import { field, fill, h, icon, notice, Scope, text } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { OwnMedia } from './call-media.js';

/** Asks; resolves with {name, video, audio} once somebody comes in. `who`: the name that is known; '' : he says it. */
export function askLobby(root, { media, title, hint, who, wantsVideo = true }) {
  const scope = new Scope();
  const preview = h('video', {
    muted: true,
    autoplay: true,
    playsinline: true,
    'aria-label': 'What others will see of you',
  });
  preview.muted = true;
  const none = h('p', { class: 'call-none' }, 'Your camera is off');
  const problem = h('div', { role: 'alert' });
  const level = h('meter', {
    min: '0',
    max: '0.5',
    value: 0,
    id: 'level',
    'aria-label': 'How loud your microphone is',
  });
  const selects = Object.fromEntries(
    [
      ['video', 'Camera'],
      ['audio', 'Microphone'],
    ].map(([kind]) => [
      kind,
      h('select', { class: 'input', id: `choose-${kind}`, onchange: (e) => media.choose(kind, e.target.value) }),
    ]),
  );
  const name = h('input', {
    class: 'input',
    maxlength: '60',
    id: 'call-name',
    required: true,
    autocomplete: 'nickname',
    value: who || prefs.get('my-name', ''),
    readonly: Boolean(who),
  });
  const toggle = (kind, words, picture) => {
    const button = h(
      'button',
      { type: 'button', class: 'btn', id: `lobby-${kind}`, 'aria-pressed': 'true' },
      icon(picture),
      words,
    );
    button.addEventListener('click', async () => {
      if (media.tracks[kind]) media.stop(kind);
      else await media.start(kind);
    });
    return button;
  };
  const camera = toggle('video', 'Camera', 'camera');
  const mic = toggle('audio', 'Microphone', 'mic');
  const enter = h('button', { type: 'submit', class: 'btn primary', id: 'enter' }, 'Come in');

  const show = () => {
    preview.srcObject = media.tracks.video ? new MediaStream([media.tracks.video]) : null;
    none.hidden = Boolean(media.tracks.video);
    preview.hidden = !media.tracks.video;
    camera.setAttribute('aria-pressed', String(Boolean(media.tracks.video)));
    mic.setAttribute('aria-pressed', String(Boolean(media.tracks.audio)));
  };
  const list = async () => {
    const all = await media.list();
    for (const [kind, select] of Object.entries(selects)) {
      const own = all.filter((d) => d.kind === `${kind}input`);
      fill(
        select,
        own.length
          ? own.map((d, i) =>
              h('option', { value: d.deviceId }, d.label || `${kind === 'video' ? 'Camera' : 'Microphone'} ${i + 1}`),
            )
          : h('option', { value: '' }, 'none was found'),
      );
      select.disabled = own.length === 0;
      const now = media.tracks[kind]?.getSettings?.().deviceId ?? media.chosen[kind];
      if (own.some((d) => d.deviceId === now)) select.value = now;
    }
  };
  scope.add(
    media.on('track', () => {
      show();
      list();
    }),
  );
  scope.add(media.on('devices', list));
  scope.add(media.on('problem', (words) => fill(problem, notice('warn', words))));
  scope.interval(() => {
    level.value = media.level();
  }, 100);

  return new Promise((resolve) => {
    const form = h(
      'form',
      {
        class: 'stack',
        onsubmit: (e) => {
          e.preventDefault();
          const own = name.value.trim();
          if (!own) return;
          if (!who) prefs.put('my-name', own);
          scope.close();
          preview.srcObject = null;
          resolve({ name: own });
        },
      },
      field('Your name, as the others see it', name),
      field('Camera', selects.video),
      field('Microphone', selects.audio),
      h('div', { class: 'row' }, mic, level),
      h('div', { class: 'row' }, camera, h('span', { class: 'grow' }), enter),
    );
    fill(
      root,
      h('h1', {}, title),
      hint ? h('p', { class: 'muted' }, hint) : null,
      OwnMedia.why ? notice('warn', OwnMedia.why) : null,
      problem,
      h(
        'div',
        { class: 'call-lobby' },
        h('div', { class: 'call-face' }, preview, none),
        h('div', { class: 'panel body' }, form),
      ),
    );
    show();
    list();
    (who ? enter : name).focus();
    if (!OwnMedia.why) {
      media.start('audio');
      if (wantsVideo) media.start('video');
    }
    text(none, wantsVideo ? 'Your camera is off' : 'A call without pictures');
  });
}
