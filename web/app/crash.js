// Last resort, loaded first: an error in the console itself is shown, not swallowed. Text nodes only.

let shown = 0;

function show(message) {
  if (shown >= 3) return;
  shown += 1;
  const bar = document.createElement('div');
  bar.className = 'notice bad';
  bar.setAttribute('role', 'alert');
  const p = document.createElement('p');
  p.textContent = `The console ran into an error: ${message}`;
  bar.append(p);
  (document.querySelector('main') ?? document.body).prepend(bar);
}

window.addEventListener('error', (e) => {
  if (e.message && !/ResizeObserver loop/.test(e.message)) show(e.message);
});
window.addEventListener('unhandledrejection', (e) => {
  if (e.reason?.name !== 'AbortError') show(e.reason?.message ?? String(e.reason));
});
