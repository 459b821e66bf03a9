// Where somebody pointed, on the picture of a recording: a ring where it was pressed, a dot where a pointer was.

import { seenAt } from '../../core/recorded-input.js';

const SVG = 'http://www.w3.org/2000/svg';

/** {el, show(t), load(places)}: lies over `video`, as large as its picture. */
export function recordedPointer(video) {
  const el = document.createElementNS(SVG, 'svg');
  el.setAttribute('class', 'rec-pointer');
  el.setAttribute('aria-hidden', 'true');
  let places = [];
  const add = (name, attributes) => {
    const part = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    el.append(part);
  };
  return {
    el,
    load: (all) => (places = all),
    show(t) {
      el.replaceChildren();
      if (!video.videoWidth) return;
      el.setAttribute('viewBox', `0 0 ${video.videoWidth} ${video.videoHeight}`);
      const r = Math.max(video.videoWidth, video.videoHeight) / 90;
      for (const { x, y, to, pressed, age } of seenAt(places, t)) {
        const opacity = (1 - age * 0.8).toFixed(2);
        if (to) add('line', { x1: x, y1: y, x2: to[0], y2: to[1], opacity, 'stroke-width': r / 2 });
        add('circle', {
          cx: x,
          cy: y,
          r: pressed ? r * 1.4 : r * 0.7,
          opacity,
          class: pressed ? 'pressed' : '',
          'stroke-width': r / 3,
        });
      }
    },
  };
}
