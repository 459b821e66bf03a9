// Last resort, loaded first: an error in the page itself is shown, not swallowed, and a page of which a part could not
// be loaded (the network changed while it was on its way) is loaded again. Text nodes only.

const TRIES = 'testbed-load-tries';
const MOST_TRIES = 8; // pauses of 1, 2, 4 … seconds, 30 at most: two and a half minutes
let shown = 0;
let again = null;

function show(message) {
  if (shown >= 3) return null;
  shown += 1;
  const bar = document.createElement('div');
  bar.className = 'notice bad';
  bar.setAttribute('role', 'alert');
  const p = document.createElement('p');
  p.textContent = message;
  bar.append(p);
  const place = () => document.querySelector('main').before(bar); // the page may fill `main` anew
  if (document.querySelector('main')) place();
  else document.addEventListener('DOMContentLoaded', place);
  return bar;
}

// Without storage (a strict browser) every pause is the longest one.
function tries(set) {
  try {
    if (set === undefined) return Number(sessionStorage.getItem(TRIES)) || 0;
    if (set) sessionStorage.setItem(TRIES, String(set));
    else sessionStorage.removeItem(TRIES);
  } catch {
    /* none */
  }
  return set ?? MOST_TRIES - 1;
}

function reload() {
  clearTimeout(again);
  location.reload();
}

/** A script, a module it imports, or a style sheet did not come. */
function notLoaded(file) {
  if (again) return; // several fail together
  const n = tries();
  const seconds = Math.min(2 ** n, 30);
  const stop = n >= MOST_TRIES;
  const bar = show(
    `A part of this page could not be loaded (${file}). ${stop ? 'Is the network there?' : `Trying again in ${seconds} s.`}`,
  );
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'btn';
  button.textContent = 'Try again now';
  button.addEventListener('click', reload);
  bar?.append(button);
  window.addEventListener('online', reload);
  again = stop ? -1 : setTimeout(reload, seconds * 1000);
  tries(stop ? 0 : n + 1);
}

window.addEventListener(
  'error',
  (e) => {
    const { tagName, src, href, rel } = e.target ?? {};
    if (tagName === 'SCRIPT' || (tagName === 'LINK' && rel === 'stylesheet')) notLoaded(new URL(src ?? href).pathname);
    else if (e.message && !/ResizeObserver loop/.test(e.message)) show(`The console ran into an error: ${e.message}`);
  },
  true,
);
// a request that got nowhere is no error of the page, and it says elsewhere that nobody answers
const NO_ANSWER = /^(Failed to fetch|Load failed|NetworkError when attempting to fetch resource)/;
window.addEventListener('unhandledrejection', (e) => {
  const quiet = e.reason?.name === 'AbortError' || NO_ANSWER.test(e.reason?.message ?? '');
  if (!quiet) show(`The console ran into an error: ${e.reason?.message ?? String(e.reason)}`);
});
window.addEventListener('load', () => {
  if (!again) tries(0);
});
