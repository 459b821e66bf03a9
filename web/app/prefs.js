// What this browser remembers. Storage may be blocked; then it is remembered until the page goes.

const memory = new Map();

function store(kind) {
  try {
    return kind === 'session' ? window.sessionStorage : window.localStorage;
  } catch {
    return null;
  }
}

export const name = (key) => `testbed.${key}`;

export function get(key, fallback = null, kind = 'local') {
  let raw;
  try {
    raw = store(kind)?.getItem(name(key));
  } catch {
    /* blocked */
  }
  raw ??= memory.get(name(key));
  if (raw === undefined || raw === null) return fallback;
  try {
    return JSON.parse(raw);
  } catch {
    return fallback;
  }
}

export function put(key, value, kind = 'local') {
  const raw = JSON.stringify(value);
  memory.set(name(key), raw);
  try {
    if (value === null) store(kind)?.removeItem(name(key));
    else store(kind)?.setItem(name(key), raw);
  } catch {
    /* blocked or full */
  }
  if (value === null) memory.delete(name(key));
}

export function applyTheme() {
  const theme = get('theme', 'auto');
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  return theme;
}

/** auto -> light -> dark -> auto */
export function nextTheme() {
  const order = ['auto', 'light', 'dark'];
  put('theme', order[(order.indexOf(get('theme', 'auto')) + 1) % 3]);
  return applyTheme();
}

export function isDark() {
  const theme = get('theme', 'auto');
  return theme === 'dark' || (theme === 'auto' && window.matchMedia('(prefers-color-scheme: dark)').matches);
}
