// The phone's camera and microphone on the desktop's page.

import { h, text } from '../app/dom.js';

export function makeCamera() {
  const video = h('video', {
    class: 'preview',
    autoplay: true,
    playsinline: true,
    muted: true,
    'aria-label': 'The phone’s camera',
  });
  const sound = h(
    'button',
    {
      type: 'button',
      class: 'btn',
      'aria-pressed': 'false',
      hidden: true,
      onclick: () => {
        video.muted = !video.muted;
        sound.setAttribute('aria-pressed', String(!video.muted));
        text(sound, video.muted ? 'Listen' : 'Mute');
      },
    },
    'Listen',
  );
  const words = h('span', { class: 'muted small num' });
  const picture = h('div', { hidden: true }, video);
  const el = h('div', { class: 'stack' }, picture, h('div', { class: 'row' }, sound, words));
  let stream = null;
  const on = { camera: false, microphone: false }; // as the phone says: a track that sends nothing looks the same here
  const look = () => {
    const live = (kind) => Boolean(stream?.getTracks().some((t) => t.kind === kind && !t.muted));
    picture.hidden = !(on.camera && live('video'));
    sound.hidden = !(on.microphone && live('audio'));
    if (picture.hidden) text(words, '');
  };
  return {
    el,
    take(m) {
      if (!(m.stream in on)) return;
      on[m.stream] = m.value > 0;
      look();
    },
    show(next) {
      stream = next;
      if (video.srcObject !== next) video.srcObject = next;
      for (const t of next?.getTracks() ?? []) t.onmute = t.onunmute = t.onended = look;
      look();
    },
    letGo() {
      on.camera = on.microphone = false;
      look();
    },
    figures(f) {
      look();
      text(
        words,
        picture.hidden || !f.width
          ? ''
          : `${f.width} × ${f.height}, ${Math.round(f.fps ?? 0)} fps, ${Math.round(f.kbps ?? 0)} kbit/s`,
      );
    },
  };
}
