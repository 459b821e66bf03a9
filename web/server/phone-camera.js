// What belongs to the camera's switch: what it sees, which camera, how large, torch and zoom where the camera has them.

import { field, fill, h } from '../app/dom.js';

const SIZES = { '640 × 480': [640, 480], '1280 × 720': [1280, 720], '1920 × 1080': [1920, 1080] };

/** {wish, more, show}: the constraints as they are set, the controls, what is to be called when the camera changed. */
export function cameraControls() {
  let source = null;
  const facing = h(
    'select',
    { class: 'input', 'aria-label': 'Camera', onchange: () => source.again() },
    h('option', { value: 'environment' }, 'Back'),
    h('option', { value: 'user' }, 'Front'),
  );
  const size = h(
    'select',
    { class: 'input', 'aria-label': 'Size', onchange: () => source.again() },
    Object.keys(SIZES).map((name) => h('option', { value: name }, name)),
  );
  size.value = '1280 × 720';
  const preview = h('video', {
    class: 'preview',
    muted: true,
    autoplay: true,
    playsinline: true,
    'aria-label': 'What the camera sees',
  });
  const extras = h('div', { class: 'row' });
  const more = h(
    'div',
    { class: 'stack', hidden: true },
    preview,
    h('div', { class: 'row' }, field('Camera', facing), field('Size', size)),
    extras,
  );
  return {
    more,
    use: (camera) => (source = camera),
    wish: () => {
      const [width, height] = SIZES[size.value];
      return { facingMode: facing.value, width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
    },
    show: () => {
      preview.srcObject = source.stream;
      const { torch, zoom } = source.abilities;
      const light = h('input', { type: 'checkbox', onchange: () => source.apply({ torch: light.checked }) });
      fill(
        extras,
        torch ? h('label', { class: 'check' }, light, 'Torch') : null,
        zoom?.max > zoom?.min
          ? field(
              'Zoom',
              h('input', {
                type: 'range',
                min: zoom.min,
                max: zoom.max,
                step: zoom.step || 0.1,
                value: zoom.min,
                oninput: (e) => source.apply({ zoom: Number(e.target.value) }),
              }),
            )
          : null,
      );
    },
  };
}
