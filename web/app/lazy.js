// Views that need a large package: it comes when the first of them is opened.

import { fill, h, notice } from './dom.js';

/** `mount` of a view (of the module that `load` fetches, where none is given), which begins when it is there. */
export const lazy =
  (load, mount) =>
  (root, ...args) => {
    let unmount = null;
    let left = false;
    const begin = async () => {
      fill(root, h('p', { class: 'body muted', role: 'status' }, 'Loading'));
      try {
        const module = await load();
        if (left) return;
        fill(root);
        unmount = (mount ?? module.mount)(root, ...args);
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
    const leave = () => {
      left = true;
      unmount?.();
    };
    leave.navigate = (parts) => unmount?.navigate?.(parts);
    return leave;
  };
