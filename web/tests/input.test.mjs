// Keys, pointers, gestures: from a page to input messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FingerState, HOLD_MS } from '../core/fingers.js';
import { chord, KeyState, SPECIAL_KEYS, STICKY, textEvents } from '../core/keys.js';
import { buttonsOf, contain, InputBatcher, place, toPixel, WheelState } from '../core/pointer.js';
import { checkInput } from '../core/proto.js';

// ---- input ----

const key = (key, code = key, o = {}) => ({ key, code, ...o });

test('keys go down and up by name, and all come up when the page loses the keyboard', () => {
  const k = new KeyState();
  assert.deepEqual(k.down(key('A', 'KeyA')).events, [{ type: 'key', key: 'A', action: 'down' }]);
  assert.deepEqual(
    k.up(key('a', 'KeyA')).events,
    [{ type: 'key', key: 'A', action: 'up' }],
    'as it went down, although Shift was let go before',
  );
  k.down(key('Shift', 'ShiftLeft'));
  k.down(key('F1'));
  assert.deepEqual(
    k.releaseAll().map((e) => [e.key, e.action]),
    [
      ['Shift', 'up'],
      ['F1', 'up'],
    ],
  );
  assert.deepEqual(k.up(key('F1')).events, []);
  for (const dead of ['Dead', 'Unidentified', 'Process', '']) assert.deepEqual(k.down(key(dead)).events, []);
  assert.deepEqual(k.down(key('x', 'KeyX', { isComposing: true })).events, []);
});

test('Ctrl+Alt alone gives the keyboard back, Ctrl+Alt+Del does not', () => {
  const k = new KeyState();
  k.down(key('Control', 'ControlLeft'));
  k.down(key('Alt', 'AltLeft'));
  const up = k.up(key('Alt', 'AltLeft'));
  assert.equal(up.release, true);
  assert.deepEqual(
    up.events.map((e) => [e.key, e.action]),
    [
      ['Alt', 'up'],
      ['Control', 'up'],
    ],
  );
  k.down(key('Control', 'ControlLeft'));
  k.down(key('Alt', 'AltLeft'));
  k.down(key('Delete'));
  assert.equal(k.up(key('Delete')).release, false);
  assert.equal(k.up(key('Alt', 'AltLeft')).release, false);
  assert.equal(k.up(key('Control', 'ControlLeft')).release, false);
});

test('every special key is a message that the host accepts', () => {
  for (const s of [...SPECIAL_KEYS, ...STICKY.map(([, key]) => ({ keys: [key] }))])
    for (const e of s.keys.length > 1 ? chord(...s.keys) : [{ type: 'key', key: s.keys[0] }]) checkInput(e);
  assert.deepEqual(
    chord('Control', 'c').map((e) => `${e.key} ${e.action}`),
    ['Control down', 'c down', 'c up', 'Control up'],
  );
});

test('page coordinates become pixels of the picture', () => {
  const box = { left: 100, top: 50, width: 800, height: 800 }; // 1280×720 in it: 800×450, 175 from the top
  assert.deepEqual(contain(box, 1280, 720), { x: 0, y: 175, width: 800, height: 450 });
  assert.deepEqual(toPixel({ x: 100, y: 225 }, box, 1280, 720), { x: 0, y: 0 });
  assert.deepEqual(toPixel({ x: 500, y: 450 }, box, 1280, 720), { x: 640, y: 360 });
  assert.deepEqual(toPixel({ x: 899.9, y: 674.9 }, box, 1280, 720), { x: 1279, y: 719 });
  assert.equal(toPixel({ x: 500, y: 100 }, box, 1280, 720), null, 'above the picture');
  assert.deepEqual(toPixel({ x: 500, y: 100 }, box, 1280, 720, true), { x: 640, y: 0 }, 'a drag stays inside');
  assert.deepEqual(toPixel({ x: 5000, y: 5000 }, box, 1280, 720, true), { x: 1279, y: 719 });
  assert.equal(toPixel({ x: 1, y: 1 }, box, 0, 0), null, 'no picture yet');
});

test('buttons and wheels', () => {
  assert.equal(buttonsOf({ buttons: 5 }), 5);
  assert.equal(buttonsOf({ pointerType: 'touch', type: 'pointerdown', buttons: 0 }), 1);
  const w = new WheelState();
  assert.equal(w.add({ deltaX: 0, deltaY: 40, deltaMode: 0 }), null, 'a touch pad sends crumbs');
  assert.deepEqual(w.add({ deltaX: 0, deltaY: 70, deltaMode: 0 }), { dx: 0, dy: 1 });
  assert.deepEqual(w.add({ deltaX: -3, deltaY: 0, deltaMode: 1 }), { dx: -1, dy: 0 });
  assert.deepEqual(w.add({ deltaX: 0, deltaY: 1e9, deltaMode: 2 }), { dx: 0, dy: 100 }, 'bounded');
});

test('a picture that is turned, or shown pixel by pixel', () => {
  const box = { left: 0, top: 0, width: 300, height: 400 };
  // 400×300 turned by a quarter is 300 wide and 400 high: its left lower corner is up on the left
  for (const [turn, x, y] of [
    [0, 10, 52], // fits: 300×225, 87.5 from the top
    [1, 10, 5],
    [2, 10, 52],
    [3, 10, 5],
  ]) {
    const at = toPixel({ x, y: turn % 2 ? y : y + 87.5 }, box, 400, 300, false, turn);
    assert.deepEqual(
      at,
      [
        { x: 13, y: 69 },
        { x: 5, y: 290 },
        { x: 386, y: 230 },
        { x: 395, y: 10 },
      ][turn],
      `${turn}`,
    );
  }
  assert.deepEqual(place(box, 100, 50, { whole: true }), { x: 100, y: 175, width: 100, height: 50 }, 'in the middle');
  assert.deepEqual(place(box, 100, 50, { whole: true, turn: 1, ratio: 2 }), {
    x: 137.5,
    y: 175,
    width: 25,
    height: 50,
  });
  assert.deepEqual(place(box, 4000, 50, { whole: true }).x, 0, 'what is larger is scrolled');
  assert.deepEqual(place(box, 400, 300, { turn: 1 }), { x: 0, y: 0, width: 300, height: 400 });
});

/** What fingers do, as [what, id, x, y, ms]: in pixels of the page, which is half as large as the picture. */
const fingers = (mouse, steps) => {
  const f = new FingerState({ mouse });
  const events = steps.flatMap(([what, id, x, y, ms = 0]) =>
    what === 'hold' || what === 'cancel' ? (f[what]() ?? []) : f[what](id, { x: 2 * x, y: 2 * y }, { x, y }, ms),
  );
  events.forEach((e) => checkInput(e));
  return events
    .map((e) =>
      e.type === 'pointer'
        ? `${e.x},${e.y}/${e.buttons}`
        : e.type === 'scroll'
          ? `scroll ${e.dx} ${e.dy}`
          : e.type === 'tap'
            ? `tap ${e.x},${e.y}`
            : `swipe ${e.x1},${e.y1} ${e.x2},${e.y2} ${e.ms}`,
    )
    .join(' ');
};

test('fingers: live drags, two of them scroll and click right; on a touch screen a quick move is a swipe', () => {
  const down = ['down', 1, 10, 10, 0];
  for (const [name, mouse, steps, want] of [
    ['a tap', true, [down, ['up', 1, 12, 10, 90]], '20,20/1 20,20/0'],
    [
      'a drag',
      true,
      [down, ['move', 1, 30, 10, 50], ['move', 1, 40, 10, 60], ['up', 1, 40, 10, 80]],
      '20,20/1 60,20/1 80,20/1 80,20/0',
    ],
    ['it stays', true, [down, ['hold'], ['move', 1, 11, 10, 400], ['up', 1, 11, 10, 500]], '20,20/1 22,20/1 22,20/0'],
    ['two tap', true, [down, ['down', 2, 60, 10, 20], ['up', 2, 60, 10, 80], ['up', 1, 10, 10, 90]], '20,20/2 20,20/0'],
    [
      'two scroll',
      true,
      [
        down,
        ['down', 2, 60, 10, 20],
        ['move', 1, 10, -62, 40],
        ['move', 2, 60, -62, 50],
        ['up', 1, 10, -62, 60],
        ['up', 2, 60, -62, 70],
      ],
      'scroll 0 1 scroll 0 1',
    ],
    [
      'a second one during a drag is none',
      true,
      [down, ['hold'], ['down', 2, 60, 10, 400], ['up', 2, 60, 10, 500], ['up', 1, 10, 10, 600]],
      '20,20/1 20,20/0',
    ],
    ['it was taken away', true, [down, ['cancel'], ['up', 1, 10, 10, 90]], ''],
    ['touch: a tap', false, [down, ['up', 1, 12, 10, 90]], 'tap 20,20'],
    ['touch: a swipe', false, [down, ['move', 1, 10, 100, 50], ['up', 1, 10, 150, 120]], 'swipe 20,20 20,300 120'],
    [
      'touch: a slow drag is live',
      false,
      [down, ['hold'], ['move', 1, 10, 100, HOLD_MS + 9], ['up', 1, 10, 100, 900]],
      '20,20/1 20,200/1 20,200/0',
    ],
    ['touch: a long press', false, [down, ['hold'], ['up', 1, 10, 10, 900]], '20,20/1 20,20/0'],
  ])
    assert.equal(fingers(mouse, steps), want, name);
});

test('moves are thinned out, clicks never, and the order holds', () => {
  const sent = [],
    due = [];
  const b = new InputBatcher({ send: (e) => sent.push(...e), schedule: (fn) => due.push(fn) });
  const p = (x, buttons = 0) => ({ type: 'pointer', x, y: 0, buttons });
  b.pointer(p(1));
  b.pointer(p(2));
  b.pointer(p(3));
  assert.equal(due.length, 1);
  due.shift()();
  assert.deepEqual(
    sent.map((e) => e.x),
    [3],
  );
  b.pointer(p(4));
  b.pointer(p(4, 1));
  b.pointer(p(9, 1));
  b.pointer(p(9, 0));
  assert.deepEqual(
    sent.map((e) => [e.x, e.buttons]),
    [
      [3, 0],
      [4, 0],
      [4, 1],
      [9, 1],
      [9, 0],
    ],
  );
  for (const fn of due) fn();
  assert.equal(sent.length, 5);
});

test('a button that is held when control ends comes up where the pointer was', () => {
  const sent = [];
  const b = new InputBatcher({ send: (e) => sent.push(...e), schedule: () => {} });
  b.release();
  assert.deepEqual(sent, [], 'nothing is held');
  b.pointer({ type: 'pointer', x: 5, y: 6, buttons: 1 });
  b.release();
  assert.deepEqual(sent.at(-1), { type: 'pointer', x: 5, y: 6, buttons: 0 });
  b.pointer({ type: 'pointer', x: 7, y: 8, buttons: 1 });
  b.pointer({ type: 'pointer', x: 9, y: 9, buttons: 1 });
  b.release();
  assert.deepEqual(sent.at(-1), { type: 'pointer', x: 9, y: 9, buttons: 0 }, 'a move that waited counts');
  const n = sent.length;
  b.release();
  assert.equal(sent.length, n, 'once');
});

/** A browser's event. */
const event = (key, code, { caps = false, graph = false, ...flags } = {}) => ({
  key,
  code,
  ...flags,
  getModifierState: (name) => (name === 'CapsLock' ? caps : name === 'AltGraph' ? graph : false),
});

const said = (e) =>
  e.type === 'text' ? `"${e.text}"` : `${{ down: '+', up: '-', press: '=' }[e.action ?? 'press']}${e.key}`;

test('characters that a modifier made are sent as such, shortcuts as keys', () => {
  const CA = { ctrlKey: true, altKey: true };
  for (const [name, want, list] of [
    [
      'AltGr of Windows, which says Control and Alt',
      '+Control "@" -Control',
      [
        ['d', 'Control', 'ControlLeft', { ctrlKey: true }],
        ['d', 'AltGraph', 'AltRight', CA],
        ['d', '@', 'KeyQ', CA],
        ['u', '@', 'KeyQ', CA],
        ['u', 'Control', 'ControlLeft'],
        ['u', 'AltGraph', 'AltRight'],
      ],
    ],
    ['AltGr of Windows, tidied up by the browser', '"€"', [['d', '€', 'KeyE', { graph: true }]]],
    ['Control and Alt without AltGraph', '"{"', [['d', '{', 'Digit7', CA]]],
    ['Ctrl+Alt+T', '+t', [['d', 't', 'KeyT', CA]]],
    ['Ctrl+Alt+-', '+-', [['d', '-', 'Minus', CA]]],
    [
      'AltGr of Linux',
      '"@"',
      [
        ['d', 'AltGraph', 'AltRight'],
        ['d', '@', 'KeyQ'],
        ['u', '@', 'KeyQ'],
      ],
    ],
    [
      'Ctrl+] on a German keyboard',
      '+Control +]',
      [
        ['d', 'Control', 'ControlLeft', { ctrlKey: true }],
        ['d', 'AltGraph', 'AltRight', { ctrlKey: true }],
        ['d', ']', 'Digit9', { ctrlKey: true, graph: true }],
      ],
    ],
    ['Option of a Mac', '"@"', [['d', '@', 'KeyL', { altKey: true }]]],
    ['Alt+x', '+x', [['d', 'x', 'KeyX', { altKey: true }]]],
    [
      'Alt+. and Alt+<',
      '+. +<',
      [
        ['d', '.', 'Period', { altKey: true }],
        ['d', '<', 'Comma', { altKey: true }],
      ],
    ],
    [
      'Alt and a key that types this without it',
      '+é -é +é',
      [
        ['d', 'é', 'Digit2'],
        ['u', 'é', 'Digit2'],
        ['d', 'é', 'Digit2', { altKey: true }],
      ],
    ],
    [
      'Cmd+C: its keyup never comes',
      '+Meta =c -Meta',
      [
        ['d', 'Meta', 'MetaLeft', { metaKey: true }],
        ['d', 'c', 'KeyC', { metaKey: true }],
        ['u', 'Meta', 'MetaLeft'],
      ],
    ],
    [
      'a key that was down before Cmd',
      '+a +Meta -a -Meta',
      [
        ['d', 'a', 'KeyA'],
        ['d', 'Meta', 'MetaLeft', { metaKey: true }],
        ['u', 'Meta', 'MetaLeft'],
      ],
    ],
    [
      'CapsLock of a Mac',
      '=CapsLock =CapsLock',
      [
        ['d', 'CapsLock', 'CapsLock', { caps: true }],
        ['u', 'CapsLock', 'CapsLock'],
      ],
    ],
    [
      'CapsLock of others',
      '=CapsLock =CapsLock',
      [
        ['d', 'CapsLock', 'CapsLock'],
        ['u', 'CapsLock', 'CapsLock', { caps: true }],
        ['d', 'CapsLock', 'CapsLock', { caps: true }],
        ['u', 'CapsLock', 'CapsLock'],
      ],
    ],
  ]) {
    const k = new KeyState();
    const events = list.flatMap(([how, key, code, o]) => k[how === 'd' ? 'down' : 'up'](event(key, code, o)).events);
    events.forEach((e) => checkInput(e));
    assert.equal(events.map(said).join(' '), want, name);
  }
});

test('a text is cut between characters, and a line end is one', () => {
  assert.deepEqual(textEvents('a\r\nb\rc\n'), [{ type: 'text', text: 'a\nb\nc\n' }]);
  assert.deepEqual(textEvents(''), []);
  const text = `${'a'.repeat(4094)}😀${'é'.repeat(3000)}`;
  const parts = textEvents(text);
  assert.equal(parts.map((e) => e.text).join(''), text);
  for (const part of parts) checkInput(part);
  assert.equal(parts[0].text.length, 4094);
});
