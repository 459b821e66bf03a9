// Views that need a large package: it comes when the first of them is opened.

import { fill, h, notice } from './dom.js';

/** `mount` of a view, which begins when what `load` fetches is there. */
export const lazy =
  (load, mount) =>
  (root, ...args) => {
    let unmount = null;
    let left = false;
    const begin = async () => {
      fill(root, h('p', { class: 'body muted', role: 'status' }, 'Loading'));
      try {
        await load();
        if (left) return;
        fill(root);
        unmount = mount(root, ...args);
      } catch (error) {
        if (left) return;
        const again = h(
          'button',
          { type: 'button', class: 'btn', onclick: () => location.reload() },
          'Load the page again',
        );
        fill(root, notice('bad', `This part of the page could not be loaded. ${error.message}`, again));
      }
    };
    begin();
    return () => {
      left = true;
      unmount?.();
    };
  };
