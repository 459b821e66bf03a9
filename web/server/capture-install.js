// The page as an app: kept for when there is no network, installed, renewed; and what this browser does not have.

import { actionButton, fill, h, notice } from '../app/dom.js';
import * as prefs from '../app/prefs.js';

const ASK_MS = 60 * 60 * 1000; // for a newer version
const TRY_MS = 500; // for it to take over
const TRIES = 10;

/**
 * Registers the worker. A newer version takes over by itself when the page has just been opened, later it is offered.
 * `box`: for its notice; `failed(error)`.
 */
export async function keepPage(box, failed) {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  // a worker may have taken over while this page was on its way: it is loaded anew, once for each version
  const mine = document.querySelector('meta[name="version"]')?.content;
  const compare = () => serviceWorker.controller?.postMessage('version');
  serviceWorker.addEventListener('message', ({ data }) => {
    if (!data?.version || data.version === mine || prefs.get('capture.version', null, 'session') === data.version)
      return;
    prefs.put('capture.version', data.version, 'session');
    location.reload();
  });
  serviceWorker.addEventListener('controllerchange', compare);
  serviceWorker.startMessages();
  const registration = await serviceWorker.register('capture-worker.js', { scope: 'capture', updateViaCache: 'none' });
  // After a reload Chromium now and then lets it wait, for minutes, whatever is said to it.
  const take = async () => {
    for (let tries = 0; registration.waiting && tries < TRIES; tries += 1) {
      registration.waiting.postMessage('take over');
      await new Promise((done) => setTimeout(done, TRY_MS));
    }
    if (registration.waiting)
      fill(box, notice('info', 'There is a newer version of this page: close it, in all tabs, and open it again.'));
  };
  const offer = () => {
    if (!serviceWorker.controller || !registration.waiting) return;
    fill(
      box,
      notice(
        'info',
        'There is a newer version of this page. What waits to be uploaded stays.',
        actionButton({ class: 'btn' }, 'Use it now', take, failed),
      ),
    );
  };
  if (registration.waiting) take().catch(failed);
  else compare();
  registration.addEventListener('updatefound', () => {
    const coming = registration.installing;
    coming?.addEventListener('statechange', () => coming.state === 'installed' && offer());
  });
  const ask = () => navigator.onLine && registration.update().catch(() => {});
  setInterval(ask, ASK_MS);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && ask());
}

/** A button that installs, where the browser says that it can. */
export function installButton() {
  let prompt = null;
  const button = h('button', { type: 'button', class: 'btn', hidden: true }, 'Install');
  button.addEventListener('click', async () => {
    button.hidden = true;
    await prompt?.prompt().catch(() => {});
    prompt = null;
  });
  addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    prompt = event;
    button.hidden = false;
  });
  addEventListener('appinstalled', () => (button.hidden = true));
  return button;
}

/** What is not there in this browser, and what that means. */
export function missing({ type }) {
  const words = [];
  const secure = window.isSecureContext;
  if (!secure)
    words.push('This address is not secure: browsers give camera, offline use and installation to https:// alone.');
  else if (!navigator.mediaDevices?.getUserMedia) words.push('This browser gives no camera.');
  if (!type) words.push('This browser cannot record (MediaRecorder): nothing can be noticed with it.');
  if (secure && !navigator.serviceWorker)
    words.push('This browser keeps no page: without a network it does not open. Private windows are like that.');
  if (!navigator.wakeLock) words.push('This browser cannot keep the screen on: set the phone so that it stays on.');
  if (!navigator.storage?.estimate) words.push('This browser does not say how much room is left.');
  if (!navigator.getBattery) words.push('This browser does not tell its battery: plug the phone in.');
  if (!window.PressureObserver)
    words.push('This browser does not tell its load: feel whether the phone grows hot from time to time.');
  const apple = /iPhone|iPad/.test(navigator.userAgent) || (/Mac/.test(navigator.platform) && navigator.maxTouchPoints);
  if (apple && !navigator.standalone)
    words.push(
      'To install it here: Share, then “Add to Home Screen”. Clips of a page in Safari may be removed after 7 days.',
    );
  return words;
}

/** Battery, room and heat, as far as the browser tells them: `show([[name, words]…])`, again and again. */
export function watchState({ show, bytes }) {
  const facts = new Map();
  const put = (name, words) => {
    facts.set(name, words);
    show([...facts]);
  };
  navigator.getBattery?.().then(
    (b) => {
      const tell = () => put('Battery', `${Math.round(b.level * 100)} %, ${b.charging ? 'charging' : 'not charging'}`);
      for (const name of ['levelchange', 'chargingchange']) b.addEventListener(name, tell);
      tell();
    },
    () => {},
  );
  const LOAD = { nominal: 'low', fair: 'some', serious: 'high', critical: 'at its limit: it grows hot' };
  if (window.PressureObserver)
    Promise.resolve()
      .then(() => new window.PressureObserver((all) => put('Load', LOAD[all.at(-1).state])).observe('cpu'))
      .catch(() => {});
  return async () => {
    const room = await navigator.storage?.estimate?.().catch(() => null);
    if (room?.quota) put('Room', `${bytes(room.usage ?? 0)} of ${bytes(room.quota)} used`);
  };
}
