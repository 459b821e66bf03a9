// This browser as somebody who is told: its subscription at its maker's push service, for the server's key.

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
const same = (a, b) => a?.byteLength === b.byteLength && new Uint8Array(a).every((v, i) => v === b[i]);

/** Why this browser cannot be told; null: it can. */
export function whyNoPush() {
  const apple = /iPhone|iPad/.test(navigator.userAgent);
  if (!window.isSecureContext) return 'Browsers are told by pages at https:// alone.';
  if (apple && !navigator.standalone) return 'On iPhone and iPad: first Share, “Add to Home Screen”, then from there.';
  if (!navigator.serviceWorker || !window.PushManager || !window.Notification)
    return 'This browser cannot be told while no page is open.';
  if (Notification.permission === 'denied')
    return 'Notifications of this page are switched off in the browser: allow them there first.';
  return null;
}

/** A name for it in the list: “Chrome on Android”. */
export function browserName(agent = navigator.userAgent) {
  const find = (list) => list.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find([
    [/Edg/, 'Edge'],
    [/Firefox/, 'Firefox'],
    [/Chrom/, 'Chrome'],
    [/Safari/, 'Safari'],
  ]);
  const on = find([
    [/Android/, 'Android'],
    [/iPhone|iPad/, 'iOS'],
    [/Mac/, 'macOS'],
    [/Windows/, 'Windows'],
    [/Linux/, 'Linux'],
  ]);
  return [browser ?? 'A browser', on].filter(Boolean).join(' on ');
}

/** Asks for the permission and subscribes: what the server has to know, as text. `key`: the server's, in base64url. */
export async function subscribe(key) {
  const permission = await Notification.requestPermission();
  if (permission !== 'granted') throw new Error('Notifications were not allowed in this browser.');
  await navigator.serviceWorker.register('capture-worker.js', { scope: 'capture', updateViaCache: 'none' });
  const registration = await navigator.serviceWorker.getRegistration('capture');
  const wanted = bytesOf(key);
  const old = await registration.pushManager.getSubscription();
  if (old && !same(old.options.applicationServerKey, wanted)) await old.unsubscribe(); // of another key
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: wanted,
  });
  const { endpoint, keys } = subscription.toJSON();
  return JSON.stringify({ endpoint, keys });
}
