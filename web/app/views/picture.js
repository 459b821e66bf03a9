// How a picture stands on its stage: made to fit or pixel by pixel, turned by quarters; and the bar over it in full
// screen, where the page's own buttons cannot be seen.

import { place } from '../../core/pointer.js';
import { h, icon, set } from '../dom.js';
import * as prefs from '../prefs.js';

/**
 * @param {object} o
 * @param {HTMLElement} o.stage, o.screen      the box, and what holds the elements that show the picture
 * @param {HTMLElement[]} o.elements
 * @param {() => {width: number, height: number}} o.size   of the picture, in pixels; 0: not known yet
 * @param {() => void} o.changed               it stands differently now
 * @returns {{tools: Element[], turn: number, where(): {box: object, turn: number}, layOut()}}
 */
export function mountPicture({ id, scope, stage, screen, elements, size, changed }) {
  const view = { turn: prefs.get(`turn.${id}`, 0), whole: prefs.get(`whole.${id}`, false) };
  const whole = h(
    'button',
    { type: 'button', class: 'btn quiet', onclick: () => choose({ whole: !view.whole }) },
    '1:1',
  );
  const turn = h(
    'button',
    {
      type: 'button',
      class: 'btn quiet icon-only',
      'aria-label': 'Turn the picture',
      title: 'Turn the picture',
      onclick: () => choose({ turn: (view.turn + 1) % 4 }),
    },
    icon('cycle'),
  );

  function choose(what) {
    Object.assign(view, what);
    prefs.put(`turn.${id}`, view.turn);
    prefs.put(`whole.${id}`, view.whole);
    changed();
    layOut();
  }
  const at = () =>
    place({ width: screen.clientWidth, height: screen.clientHeight }, size().width, size().height, {
      ...view,
      ratio: window.devicePixelRatio || 1,
    });

  function layOut() {
    set(whole, { 'aria-pressed': String(view.whole), title: view.whole ? 'Make the picture fit' : 'Pixel by pixel' });
    screen.classList.toggle('whole', view.whole);
    const { width, height } = size();
    const plain = !(width > 0) || (!view.whole && !view.turn);
    const seen = at();
    const [w, hgt] = view.turn % 2 ? [seen.height, seen.width] : [seen.width, seen.height];
    for (const { style } of elements) {
      style.width = plain ? '' : `${w}px`;
      style.height = plain ? '' : `${hgt}px`;
      // it is turned about its middle
      style.left = plain ? '' : `${seen.x + (seen.width - w) / 2}px`;
      style.top = plain ? '' : `${seen.y + (seen.height - hgt) / 2}px`;
      style.transform = plain ? '' : `rotate(${view.turn * 90}deg)`;
    }
  }
  const resize = new ResizeObserver(layOut);
  resize.observe(screen);
  scope.add(() => resize.disconnect());

  return {
    tools: [whole, turn],
    get turn() {
      return view.turn;
    },
    where() {
      const box = screen.getBoundingClientRect();
      const seen = at();
      return {
        turn: view.turn,
        box: {
          left: box.left + seen.x - screen.scrollLeft,
          top: box.top + seen.y - screen.scrollTop,
          width: seen.width,
          height: seen.height,
        },
      };
    },
    layOut,
  };
}

/**
 * Full screen: all keys go to the device, as far as the browser gives them; the bar comes when the pointer is at the
 * upper edge, and stays where fingers are the pointer. {button, bar}; `keys`: more buttons of the bar.
 */
export function fullScreen({ id, scope, stage, keys, entered }) {
  const label = h('span', {}, id);
  const leave = h(
    'button',
    { type: 'button', class: 'btn', onclick: () => document.exitFullscreen() },
    'Leave full screen',
  );
  const bar = h('div', { class: 'fullbar', role: 'group', 'aria-label': 'Full screen' }, label, keys, leave);
  const button = h(
    'button',
    {
      type: 'button',
      class: 'btn quiet icon-only',
      'aria-label': 'Full screen',
      title: 'Full screen',
      onclick: async () => {
        await stage.requestFullscreen();
        const locked = await navigator.keyboard?.lock?.().then(
          () => true,
          () => false,
        );
        leave.title = locked ? 'Or hold Esc' : 'Or press Esc';
        entered();
      },
    },
    icon('expand'),
  );
  scope.listen(document, 'fullscreenchange', () => {
    if (document.fullscreenElement !== stage) navigator.keyboard?.unlock?.();
  });
  return { button: document.fullscreenEnabled ? button : null, bar };
}
