// Control over a picture: mouse, keys and fingers on it, the text box, special keys, and one line that always says
// whether what is typed goes to the device. The picture itself is views/screen.js.

import { chord, textEvents } from '../../core/keys.js';
import { InputOutbox } from '../../core/outbox.js';
import { copyText } from '../clipboard.js';
import { actionButton, fill, h, icon, set, text, uid } from '../dom.js';
import { InputCapture } from '../input.js';
import * as prefs from '../prefs.js';
import { mountKeys } from './keyrow.js';

const EVENTS_AT_ONCE = 32; // a machine may take 40 ms for each
const QUIET_MS = 3000; // one message for a burst of failures

/**
 * @param {object} o                 as of mountScreen(), and
 * @param {HTMLElement} o.screen     focusable, as large as the picture's box
 * @param {HTMLElement} o.stage      around it; bears the classes `control` and `capturing`
 * @param {() => {width: number, height: number}} o.size   of the picture, in pixels
 * @param {() => {box: object, turn: number}} o.where      it is seen now
 * @param {() => void} o.acked       a command was acknowledged
 * @param {(on: boolean) => void} o.holds   keys or buttons are down, or not any more
 * @param {object} [o.clipboard]     of the device: {read(), onNew(fn), onRoute(fn)} (core/store.js)
 * @returns {{tools: Element[], below: Element[], over: Element, fullKeys: Element[], refresh()}}
 */
export function mountControl({
  id,
  scope,
  screen,
  stage,
  size,
  where,
  send: sendEvents,
  control,
  hasInput,
  inputAway = () => '',
  isPhone,
  toast,
  announce,
  touched,
  acked,
  holds,
  clipboard = null,
}) {
  // ---- elements ----
  const controlSwitch = h(
    'button',
    { type: 'button', class: 'btn', 'aria-pressed': 'false', id: 'control-switch' },
    icon('keyboard'),
    h('span', {}, 'Control'),
  );
  const touchSwitch = h(
    'button',
    { type: 'button', class: 'btn', title: 'Send taps and swipes instead of a mouse' },
    'Touch',
  );
  const hint = h('p', { id: uid('hint') });
  const giveBack = h(
    'button',
    { type: 'button', class: 'btn', hidden: true, onclick: () => capture.giveFingers(false) },
    'Done',
  );
  const hintLine = h('div', { class: 'stage-hint', hidden: true }, icon('keyboard'), hint, giveBack);
  const overHint = h('p', {}); // the same over the picture, for full screen, where the line cannot be seen
  const over = h('div', { class: 'overlay', hidden: true, 'aria-hidden': 'true' }, icon('keyboard'), overHint);
  screen.setAttribute('aria-describedby', hint.id);

  const typed = h('input', {
    class: 'input',
    'aria-label': 'Text to type on the device',
    placeholder: 'Type text, Enter sends it',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    id: 'send-text',
  });
  const keybar = h(
    'div',
    { class: 'keybar' },
    h(
      'form',
      {
        onsubmit: (e) => {
          e.preventDefault();
          sendText();
        },
      },
      typed,
      h('button', { type: 'submit', class: 'btn' }, 'Send'),
    ),
  );

  // ---- sending ----
  let failedAt = 0;
  const outbox = new InputOutbox({
    send: sendEvents,
    atOnce: EVENTS_AT_ONCE,
    onAck: acked,
    onHold: holds,
    onError: (error) => {
      if (Date.now() - failedAt < QUIET_MS) return;
      failedAt = Date.now();
      toast.error(error, 'Input');
    },
  });
  function send(events) {
    if (!events.length || !hasInput() || inputAway() || !control.may) return;
    outbox.push(events);
    touched();
  }
  function sendText() {
    const one = [...typed.value].length === 1;
    if (!typed.value || (one && keys.held.length)) press([typed.value || 'Enter']);
    else send(textEvents(typed.value));
    typed.value = '';
  }
  /** Keys together, with the modifiers that were pressed on the page before. */
  function press(names) {
    const all = [...keys.held, ...names];
    send(all.length > 1 ? chord(...all) : [{ type: 'key', key: all[0] }]);
    keys.letGo();
  }
  // ---- what was copied on the device ----
  const copied = actionButton(
    { class: 'btn', id: 'copy-from-device', hidden: true, title: 'What was copied on the device, to this computer' },
    [icon('download'), 'Copy from device'],
    async () => {
      const what = await clipboard.read();
      if (!what) toast.info('Nothing was copied on the device yet');
      else if (await copyText(what)) toast.good('Copied', `${[...what].length} characters from ${id}`);
      else toast.warn('Copy from device', 'The browser does not let this page write to the clipboard.');
    },
    (e) => toast.error(e, 'Copy from device'),
  );
  /** Offered where the device has a clipboard that the host knows: it says so, or tells of a text in it. */
  function lookAtClipboard() {
    if (copied.hidden && clipboard && control.may && hasInput() && !inputAway())
      clipboard.read().then(
        () => (copied.hidden = false),
        () => {}, // out of this driver's reach
      );
  }
  if (clipboard) {
    lookAtClipboard();
    scope.add(clipboard.onRoute(lookAtClipboard));
    scope.add(
      clipboard.onNew(({ by }) => {
        copied.hidden = false;
        if (!by) announce('A text was copied on the device.');
      }),
    );
  }
  const keys = mountKeys({ press, fromClipboard: (what) => send(textEvents(what)), toast, typed, copied });
  keybar.append(...keys.bar);
  scope.listen(typed, 'keydown', (e) => {
    if (e.key !== 'Backspace' || typed.value) return;
    e.preventDefault();
    send([{ type: 'key', key: 'Backspace' }]);
  });
  const capture = new InputCapture({
    el: screen,
    scope,
    send,
    size,
    where,
    onFingers: (on) => {
      stage.classList.toggle('fingers', on);
      show();
    },
    onCapture: (on) => {
      stage.classList.toggle('capturing', on);
      show();
      announce(
        on ? 'The keyboard goes to the device. Control and Alt together give it back.' : 'The keyboard is yours again.',
      );
    },
  });

  // ---- what is possible right now ----
  let wanted = prefs.get(`control.${id}`, true);
  let may = control.may, // and there is something that takes it
    mayNot = '',
    away = ''; // why there is not
  const fingers = () => window.matchMedia('(pointer: coarse)').matches;
  const watching = () => (away || mayNot ? `View only: ${(mayNot || away).replace(/\.$/, '')}.` : 'View only.');
  function say(line) {
    if (capture.fingers) text(line, 'Fingers go to the device.');
    else if (capture.capturing)
      fill(line, 'Keyboard goes to the device. ', h('kbd', {}, 'Ctrl'), ' + ', h('kbd', {}, 'Alt'), ' gives it back.');
    else if (!may) text(line, watching());
    else if (capture.enabled && fingers())
      text(line, 'Tap the picture to control the device; until then fingers scroll past it.');
    else
      text(
        line,
        capture.enabled
          ? 'Click the picture, or press Enter on it, to type on the device.'
          : 'Control is switched off: mouse and keyboard stay here.',
      );
  }
  function show() {
    const input = hasInput();
    stage.classList.toggle('control', capture.enabled);
    set(controlSwitch, { 'aria-pressed': String(wanted && may) });
    controlSwitch.disabled = !may || !input;
    controlSwitch.title = may ? 'Mouse and keyboard over the picture go to the device' : mayNot || away;
    controlSwitch.hidden = !input && may;
    touchSwitch.hidden =
      !input || !may || !(isPhone() || capture.touch || window.matchMedia('(any-pointer: coarse)').matches);
    keybar.hidden = !input || !may;
    hintLine.hidden = !input && may;
    hintLine.className = `stage-hint${capture.capturing || capture.fingers ? ' on' : may ? '' : ' no'}`;
    giveBack.hidden = !capture.fingers;
    over.hidden = !(capture.capturing || (!may && input));
    say(hint);
    say(overHint);
    for (const bar of [keybar, ...keys.full])
      for (const el of bar.querySelectorAll('button, input, select')) el.disabled = !capture.enabled;
  }

  function refresh() {
    const phone = isPhone();
    away = hasInput() ? inputAway() : '';
    may = control.may && !away;
    capture.enable(may && wanted && hasInput());
    capture.touch = prefs.get(`touch.${id}`, phone);
    set(touchSwitch, { 'aria-pressed': String(capture.touch) });
    keys.show(phone ? 'phone' : 'desktop');
    show();
  }
  controlSwitch.addEventListener('click', () => {
    wanted = !wanted;
    prefs.put(`control.${id}`, wanted);
    refresh();
  });
  touchSwitch.addEventListener('click', () => {
    prefs.put(`touch.${id}`, !capture.touch);
    refresh();
  });
  scope.add(
    control.watch((_, reason) => {
      mayNot = reason;
      refresh();
      lookAtClipboard();
    }),
  );
  return { tools: [controlSwitch, touchSwitch], below: [hintLine, keybar], over, fullKeys: keys.full, refresh };
}
