// Keeps the page "Watch with this device" for when there is no network. `make` fills in the version and the files
// (mk/pages.mjs); as it lies in web/ it keeps nothing, and everything comes from the server.

const VERSION = 'source';
const SHELL = [];
const PREFIX = 'testbed-capture-';
const BASE = new URL('.', self.location.href).href;

// All files of one version, or none: a page never runs with parts of two.
self.addEventListener('install', (event) => {
  const files = SHELL.map(
    (file) => new Request(new URL(file, BASE), { cache: 'no-store', credentials: 'same-origin' }),
  );
  event.waitUntil(caches.open(PREFIX + VERSION).then((cache) => cache.addAll(files)));
});

self.addEventListener('activate', (event) => {
  const old = (name) => name.startsWith(PREFIX) && name !== PREFIX + VERSION;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const plain = url.replace(/[?#].*$/, '');
  if (method !== 'GET' || !plain.startsWith(BASE) || !SHELL.includes(plain.slice(BASE.length))) return;
  event.respondWith(
    caches
      .open(PREFIX + VERSION)
      .then((cache) => cache.match(plain))
      .then((kept) => kept ?? fetch(event.request)),
  );
});

// The page asks for it when nothing would be lost by it, and whether it is of this version.
self.addEventListener('message', (event) => {
  if (event.data === 'version') event.source.postMessage({ version: VERSION });
  if (event.data === 'take over') event.waitUntil(self.skipWaiting());
});

// What the server tells (server/notify/push.c). Browsers want each one shown.
self.addEventListener('push', (event) => {
  let said = {};
  try {
    said = event.data?.json() ?? {};
  } catch {
    /* it is shown all the same, without words */
  }
  const text = (value, otherwise) => (typeof value === 'string' && value ? value : otherwise);
  event.waitUntil(
    self.registration.showNotification(text(said.title, 'Testbed'), {
      body: text(said.body, 'Something was noticed.'),
      tag: text(said.tag, undefined),
      icon: new URL('icons/192.png', BASE).href,
      data: { url: text(said.url, null) },
    }),
  );
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const page = new URL('timeline', BASE).href;
  const { url } = event.notification.data ?? {};
  event.waitUntil(self.clients.openWindow(url?.startsWith(BASE) ? url : page));
});
