// What is typed at which keyboard: the table of tests/fixtures/typing as events, and what people at us, de and fr
// keyboards press for each character.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from './harness.mjs';

export const TABLE = JSON.parse(readFileSync(path.join(ROOT, 'tests/fixtures/typing/table.json'), 'utf8'));

/** `+Shift a "text"` -> events of POST …/input. */
export function eventsOf(keys) {
  const words = keys.match(/"(?:[^"\\]|\\.)+"(?= |$)|\S+/g);
  return words.map((word) => {
    if (/^".+"$/s.test(word)) return { type: 'text', text: JSON.parse(word) };
    const action = /^[+-]./.test(word) ? { '+': 'down', '-': 'up' }[word[0]] : undefined;
    return action ? { type: 'key', key: word.slice(1), action } : { type: 'key', key: word };
  });
}

/** X's numbers, as viewers send them (keysymdef.h). */
const KEYSYMS = {
  Shift: 0xffe1,
  Shift_R: 0xffe2,
  Control: 0xffe3,
  Alt: 0xffe9,
  AltGraph: 0xfe03,
  CapsLock: 0xffe5,
  Enter: 0xff0d,
  F12: 0xffc9,
  KP_1: 0xffb1,
  KP_2: 0xffb2,
  KP_Add: 0xffab,
  NoSuchKey: 0x1fffffff,
};

export function keysymOf(key) {
  if (KEYSYMS[key]) return KEYSYMS[key];
  const c = key.codePointAt(0);
  return c < 0x100 ? c : c === 0x20ac ? c : 0x01000000 + c;
}

/** Of a keyboard: what its keys type, what with Shift, what with AltGr. */
export const LAYOUTS = {
  us: ["abcdefghijklmnopqrstuvwxyz0123456789`-=[]\\;',./ ", 'ABCDEFGHIJKLMNOPQRSTUVWXYZ~!@#$%^&*()_+{}|:"<>?', ''],
  de: [
    'abcdefghijklmnopqrstuvwxyzäöüß0123456789+#-,.< ',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜ!"§$%&/()=?*\';:_>°',
    '@€{[]}\\~|²³µ',
  ],
  fr: [
    'abcdefghijklmnopqrstuvwxyz&é"\'(-è_çà)=$ù*,;:!²< ',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890°+£%µ?./§>',
    '~#{[|`\\^@]}€¤',
  ],
};

/** [{character, held}]: every character of a keyboard, with the modifiers that are held for it. */
export const strokes = (layout) =>
  layout.flatMap((characters, i) =>
    [...characters].map((character) => ({ character, held: [[], ['Shift'], ['AltGraph']][i] })),
  );

/** What keyboards with these layouts cannot type, by dead keys neither. */
export const LACKS = { us: /[^\0-\x7f]/, de: /[^\s\S]/, fr: /³/ };

/** What viewers that hold no modifier send: robots, telephones. */
export const CHARACTERS = [
  ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)),
  ...'äöüßéèçàñ€ł中😀αЖ',
];

/** The same by a browser's keyboard events, through the page's KeyState. */
export function pageEvents(keys, { character, held }) {
  const flags = { shiftKey: held.includes('Shift'), getModifierState: (name) => held.includes(name) };
  const event = (key, code) => ({ key, code, ...flags });
  const modifiers = held.map((key) => event(key, key === 'Shift' ? 'ShiftLeft' : 'AltRight'));
  const key = event(character, `Place${character}`);
  return [
    ...modifiers.flatMap((e) => keys.down(e).events),
    ...keys.down(key).events,
    ...keys.up(key).events,
    ...modifiers.toReversed().flatMap((e) => keys.up(e).events),
  ];
}

/** Keys that type nothing: KeyboardEvent.key or X's name, X's number, and the name by which X's programs see it. */
export const KEYS = [
  ['Control_R', 0xffe4, 'Control_R'],
  ['Alt_R', 0xffea, 'Alt_R'],
  ['Shift_R', 0xffe2, 'Shift_R'],
  ['Super_L', 0xffeb, 'Super_L'],
  ['Super_R', 0xffec, 'Super_R'],
  ['Meta', 0xffeb, 'Super_L'],
  ['Alt', 0xffe9, 'Alt_L'],
  ['AltGraph', 0xfe03, 'ISO_Level3_Shift'],
  ['NumLock', 0xff7f, 'Num_Lock'],
  ['NumLock', 0xff7f, 'Num_Lock'],
  ['ScrollLock', 0xff14, 'Scroll_Lock'],
  ['Escape', 0xff1b, 'Escape'],
  ['F1', 0xffbe, 'F1'],
  ['F12', 0xffc9, 'F12'],
  ['F13', 0xffca, 'F13'],
  ['F24', 0xffd5, 'F24'],
  ['PrintScreen', 0xff61, 'Print'],
  ['Pause', 0xff13, 'Pause'],
  ['ContextMenu', 0xff67, 'Menu'],
  ['Insert', 0xff63, 'Insert'],
  ['PageUp', 0xff55, 'Prior'],
  ['ArrowLeft', 0xff51, 'Left'],
  ['KP_Enter', 0xff8d, 'KP_Enter'],
  ['KP_5', 0xffb5, 'KP_5'],
  ['KP_Home', 0xff95, 'KP_Home'],
  ['KP_Decimal', 0xffae, 'KP_Decimal'],
  ['KP_Separator', 0xffac, 'KP_Separator'],
  ['dead_acute', 0xfe51, 'dead_acute'],
  ['Escape', 0xff1b, 'Escape'], // xev makes characters of dead keys
  ['dead_circumflex', 0xfe52, 'dead_circumflex'],
  ['Compose', 0xff20, 'Multi_key'],
  ['Convert', 0xff23, 'Henkan_Mode'],
  ['NonConvert', 0xff22, 'Muhenkan'],
  ['KanaMode', 0xff2d, 'Kana_Lock'],
  ['HiraganaKatakana', 0xff27, 'Hiragana_Katakana'],
  ['ZenkakuHankaku', 0xff2a, 'Zenkaku_Hankaku'],
  ['HangulMode', 0xff31, 'Hangul'],
  ['HanjaMode', 0xff34, 'Hangul_Hanja'],
  ['AudioVolumeMute', 0x1008ff12, 'XF86AudioMute'],
  ['AudioVolumeUp', 0x1008ff13, 'XF86AudioRaiseVolume'],
  ['MediaPlayPause', 0x1008ff14, 'XF86AudioPlay'],
  ['MediaTrackNext', 0x1008ff17, 'XF86AudioNext'],
  ['BrowserBack', 0x1008ff26, 'XF86Back'],
  ['XF86Calculator', 0x1008ff1d, 'XF86Calculator'],
  ['XF86MonBrightnessUp', 0x1008ff02, 'XF86MonBrightnessUp'],
];

/** QEMU's names of the keys that type something (qapi/ui.json) -> X's keycodes, which are Linux's numbers and 8. */
const QCODES = Object.fromEntries(
  [
    [10, '1 2 3 4 5 6 7 8 9 0 minus equal'],
    [24, 'q w e r t y u i o p bracket_left bracket_right ret ctrl'],
    [38, 'a s d f g h j k l semicolon apostrophe grave_accent shift backslash'],
    [52, 'z x c v b n m comma dot slash shift_r'],
    [64, 'alt spc caps_lock'],
    [94, 'less'],
    [105, 'ctrl_r'],
    [108, 'alt_r'],
    [133, 'meta_l meta_r'],
  ].flatMap(([first, names]) => names.split(' ').map((name, i) => [name, first + i])),
);

/**
 * What QEMU wrote of the keys that its machine was told (-trace input_event_key_qcode) as words of xdotool: any
 * keyboard types with these what the machine's would have typed. `end`: the key that ends it.
 */
export function replayOf(trace, end = 'f12') {
  const words = [];
  for (const [, name, down] of trace.matchAll(/key qcode (\w+), down ([01])/g)) {
    if (name === end && down === '0') return words;
    if (name === end || name === 'pause') continue; // the driver rouses QEMU by the release of a key that is not down
    if (!QCODES[name]) throw new Error(`a key that types nothing: ${name}`);
    words.push(down === '1' ? 'keydown' : 'keyup', '--delay', '0', String(QCODES[name]));
  }
  return null;
}
