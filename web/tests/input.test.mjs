// Keys, pointers, gestures: from a page to input messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chord, KeyState, SPECIAL_KEYS, textEvents } from '../core/keys.js';
import { buttonsOf, contain, GestureState, InputBatcher, toPixel, WheelState } from '../core/pointer.js';
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
  for (const s of SPECIAL_KEYS)
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

test('buttons, wheels, gestures', () => {
  assert.equal(buttonsOf({ buttons: 5 }), 5);
  assert.equal(buttonsOf({ pointerType: 'touch', type: 'pointerdown', buttons: 0 }), 1);
  const w = new WheelState();
  assert.equal(w.add({ deltaX: 0, deltaY: 40, deltaMode: 0 }), null, 'a touch pad sends crumbs');
  assert.deepEqual(w.add({ deltaX: 0, deltaY: 70, deltaMode: 0 }), { dx: 0, dy: 1 });
  assert.deepEqual(w.add({ deltaX: -3, deltaY: 0, deltaMode: 1 }), { dx: -1, dy: 0 });
  assert.deepEqual(w.add({ deltaX: 0, deltaY: 1e9, deltaMode: 2 }), { dx: 0, dy: 100 }, 'bounded');
  const g = new GestureState();
  g.down({ x: 5, y: 6 }, { x: 0, y: 0 }, 0);
  assert.deepEqual(g.up({ x: 6, y: 6 }, { x: 3, y: 0 }, 90), { type: 'tap', x: 5, y: 6 });
  g.down({ x: 5, y: 6 }, { x: 0, y: 0 }, 0);
  assert.deepEqual(
    g.up({ x: 5, y: 6 }, { x: 0, y: 0 }, 900),
    { type: 'swipe', x1: 5, y1: 6, x2: 5, y2: 6, ms: 900 },
    'a long press',
  );
  g.down({ x: 5, y: 600 }, { x: 0, y: 300 }, 0);
  assert.deepEqual(g.up({ x: 5, y: 100 }, { x: 0, y: 50 }, 210), {
    type: 'swipe',
    x1: 5,
    y1: 600,
    x2: 5,
    y2: 100,
    ms: 210,
  });
  assert.equal(g.up({ x: 1, y: 1 }, { x: 1, y: 1 }, 1), null);
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
