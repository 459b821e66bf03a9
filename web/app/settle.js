// What comes and goes above the parts that somebody works with (a fault, a line that broke) moves nothing under the
// pointer: until the pointer is elsewhere it lies over what stands before or behind its place, and leaves its gap.

const places = new Set(); // of the page that is shown
let pointer = null; // where the mouse is, or a finger; null: outside of the page
let listening = false;

function look(event) {
  const gone = event.type === 'pointerleave' || (event.pointerType === 'touch' && /up|cancel/.test(event.type));
  pointer = gone ? null : { x: event.clientX, y: event.clientY };
  for (const place of places) place.look();
}

function listen() {
  if (listening) return;
  listening = true;
  const options = { passive: true, capture: true };
  for (const type of ['pointermove', 'pointerdown', 'pointerup', 'pointercancel'])
    window.addEventListener(type, look, options);
  document.documentElement.addEventListener('pointerleave', look, { passive: true });
}

/**
 * Keeps what is below still while `el` appears, grows or goes. `over`: what it covers meanwhile, 'before' (it grows up
 * from its place) or 'after'; `height`: that it has in the flow, px; null: not in the page yet.
 * Returns {el: to be put into the page, close()}.
 */
export function settling(el, { over = 'before', height = null } = {}) {
  listen();
  const box = document.createElement('div');
  box.className = `settling ${over}`;
  box.append(el);
  box.style.height = `${height ?? 0}px`;

  /** The pointer is on what would move, or on what lies over it. */
  function inTheWay() {
    if (!pointer || height === null) return false;
    const { top } = box.getBoundingClientRect();
    return pointer.y >= Math.min(top, el.getBoundingClientRect().top || top);
  }
  function natural() {
    const { height: own } = el.getBoundingClientRect();
    const style = getComputedStyle(el);
    return own && own + (parseFloat(style.marginTop) || 0) + (parseFloat(style.marginBottom) || 0);
  }
  const place = {
    look() {
      if (!box.isConnected) {
        height = null;
        return;
      }
      const wanted = natural();
      const apart = height !== null && Math.abs(wanted - height) > 0.5;
      const lies = apart && inTheWay();
      box.classList.toggle('apart', lies);
      if (lies) return;
      height = wanted;
      box.style.height = `${height}px`; // never its own: a browser would scroll by what grows for a moment
    },
  };
  const observer = new ResizeObserver(() => place.look());
  observer.observe(el);
  places.add(place);
  return {
    el: box,
    close() {
      observer.disconnect();
      places.delete(place);
      box.remove();
    },
  };
}

/** Where what concerns the whole page stands, above its main part: made once. */
export function noticesPlace() {
  let el = document.getElementById('notices');
  if (!el) {
    el = document.createElement('div');
    el.id = 'notices';
    document.getElementById('main').before(settling(el, { over: 'after', height: 0 }).el);
  }
  return el;
}
