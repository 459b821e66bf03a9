// KeyboardEvent -> input messages. Keys travel by KeyboardEvent.key; what is held down is remembered, so that
// nothing stays pressed on the device when the page loses the keyboard.

/** Leaving the picture by keyboard: both pressed together and let go without another key. */
const RELEASE = new Set(['Control', 'Alt']);

const DEAD = new Set(['Dead', 'Unidentified', 'Process', '']);
const MODIFIERS = new Set(['Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'OS', 'Hyper', 'Super']);

/** What a US keyboard has at these places, without Shift and with it. */
const BASE = {
  Minus: '-_',
  Equal: '=+',
  BracketLeft: '[{',
  BracketRight: ']}',
  Backslash: '\\|',
  Semicolon: ';:',
  Quote: '\'"',
  Backquote: '`~',
  Comma: ',<',
  Period: '.>',
  Slash: '/?',
};

export class KeyState {
  constructor() {
    this._held = new Map(); // code -> key as sent, or null: nothing is down for it
    this._plain = new Map(); // code -> what it types without a modifier: the viewer's own layout, as far as it was seen
    this._altGraph = false; // it is down
    this._chord = false;
    this._caps = false; // whether the device's CapsLock was pressed an odd number of times
  }

  get held() {
    return [...this._held.values()].filter((key) => key !== null);
  }

  /**
   * Did a modifier make this character? AltGr did: Windows says it as Control and Alt, and browsers differ in what they
   * leave of that in the event. Option of a Mac (Alt) did, when the key has another character without it. Then the
   * character is what was meant, and no modifier is held with it.
   */
  _isMade(e) {
    if ([...e.key].length !== 1 || e.metaKey) return false;
    if (this._altGraph || e.getModifierState?.('AltGraph')) return !(e.ctrlKey && !e.altKey); // Ctrl+] on a German one
    if (!e.altKey) return false;
    return !/^[a-z0-9 ]$/i.test(e.key) && this._plain.get(e.code) !== e.key && !BASE[e.code]?.includes(e.key);
  }

  /** {events, release}: what to send, and whether the user wants the keyboard back. */
  down(e) {
    if (DEAD.has(e.key) || e.isComposing) return { events: [], release: false };
    const code = e.code || e.key;
    if (e.repeat && RELEASE.has(e.key)) return { events: [], release: false };
    if (e.key === 'CapsLock') return { events: this._pressCaps(), release: false };
    this._chord =
      RELEASE.has(e.key) &&
      [...this.held, e.key].every((k) => RELEASE.has(k)) &&
      new Set([...this.held, e.key]).size === 2;
    if (e.key === 'AltGraph') {
      // it is no key of the device's: what it makes arrives as that character
      this._altGraph = true;
      this._held.set(code, null);
      return { events: [], release: false };
    }
    if (this._isMade(e)) {
      this._held.set(code, null);
      return { events: [{ type: 'text', text: e.key }], release: false };
    }
    if (!e.ctrlKey && !e.altKey && !e.metaKey && [...e.key].length === 1 && code) this._plain.set(code, e.key);
    // with Cmd down a Mac tells of no other key that it came up
    if (e.metaKey && !MODIFIERS.has(e.key)) return { events: [{ type: 'key', key: e.key }], release: false };
    this._held.set(code, e.key);
    return { events: [this._event(e.key, true)], release: false };
  }

  up(e) {
    if (e.key === 'CapsLock') return { events: this._syncCaps(e), release: false };
    const code = e.code || e.key;
    const key = this._held.get(code);
    if (key === undefined) return { events: [], release: false };
    this._held.delete(code);
    if (e.key === 'AltGraph') this._altGraph = false;
    if (key === null) return { events: [], release: false };
    const release = this._chord && RELEASE.has(key);
    const events = [this._event(key, false)];
    if (release) events.push(...this.releaseAll());
    else if (key === 'Meta' || key === 'OS') events.unshift(...this._releaseKeys());
    return { events, release };
  }

  /** A Mac says CapsLock down when it goes on, and up when it goes off; others say both each time. */
  _pressCaps() {
    this._caps = !this._caps;
    return [{ type: 'key', key: 'CapsLock' }];
  }
  _syncCaps(e) {
    return e.getModifierState && e.getModifierState('CapsLock') !== this._caps ? this._pressCaps() : [];
  }

  _releaseKeys() {
    const events = [];
    for (const [code, key] of this._held)
      if (key !== null && !MODIFIERS.has(key)) {
        events.push(this._event(key, false));
        this._held.delete(code);
      }
    return events;
  }

  /** Ups for all that is held: on blur, on leaving, on losing control. */
  releaseAll() {
    const events = this.held.map((key) => this._event(key, false));
    this._held.clear();
    this._altGraph = false;
    this._chord = false;
    return events;
  }

  _event(key, down) {
    return { type: 'key', key, action: down ? 'down' : 'up' };
  }
}

const TEXT_BYTES = 4096; // of one event

/** A text as input events: a line end is one, and no character is cut. */
export function textEvents(text) {
  const encoder = new TextEncoder();
  const events = [];
  let part = '';
  let bytes = 0;
  for (const c of text.replace(/\r\n?/g, '\n')) {
    const size = encoder.encode(c).length;
    if (bytes + size > TEXT_BYTES) {
      events.push({ type: 'text', text: part });
      part = '';
      bytes = 0;
    }
    part += c;
    bytes += size;
  }
  if (part) events.push({ type: 'text', text: part });
  return events;
}

/** Keys pressed together and let go in reverse, for example ['Control', 'Alt', 'Delete']. */
export function chord(...keys) {
  return [
    ...keys.map((key) => ({ type: 'key', key, action: 'down' })),
    ...keys.reverse().map((key) => ({ type: 'key', key, action: 'up' })),
  ];
}

/** Buttons of the key bar. `kind` says for which devices; names are KeyboardEvent.key. */
export const SPECIAL_KEYS = [
  { label: 'Back', keys: ['GoBack'], kind: 'phone' },
  { label: 'Home', keys: ['GoHome'], kind: 'phone' },
  { label: 'Apps', keys: ['AppSwitch'], kind: 'phone' },
  { label: 'Power', keys: ['Power'], kind: 'phone' },
  { label: 'Volume +', keys: ['AudioVolumeUp'], kind: 'phone' },
  { label: 'Volume −', keys: ['AudioVolumeDown'], kind: 'phone' },
  { label: 'Enter', keys: ['Enter'], kind: 'any' },
  { label: 'Backspace', keys: ['Backspace'], kind: 'phone' },
  { label: 'Esc', keys: ['Escape'], kind: 'desktop' },
  { label: 'Tab', keys: ['Tab'], kind: 'desktop' },
  { label: 'Ctrl+Alt+Del', keys: ['Control', 'Alt', 'Delete'], kind: 'desktop' },
  { label: 'Esc', keys: ['Escape'], kind: 'phone', more: true },
  { label: 'Tab', keys: ['Tab'], kind: 'phone', more: true },
  { label: '←', name: 'Arrow left', keys: ['ArrowLeft'], kind: 'any', more: true },
  { label: '↑', name: 'Arrow up', keys: ['ArrowUp'], kind: 'any', more: true },
  { label: '↓', name: 'Arrow down', keys: ['ArrowDown'], kind: 'any', more: true },
  { label: '→', name: 'Arrow right', keys: ['ArrowRight'], kind: 'any', more: true },
  { label: 'Backspace', keys: ['Backspace'], kind: 'desktop', more: true },
  { label: 'Del', keys: ['Delete'], kind: 'any', more: true },
  { label: 'Home', keys: ['Home'], kind: 'desktop', more: true },
  { label: 'End', keys: ['End'], kind: 'desktop', more: true },
  { label: 'PgUp', keys: ['PageUp'], kind: 'desktop', more: true },
  { label: 'PgDn', keys: ['PageDown'], kind: 'desktop', more: true },
  ...Array.from({ length: 12 }, (_, i) => ({ label: `F${i + 1}`, keys: [`F${i + 1}`], kind: 'desktop', fn: true })),
];

/** Buttons that stay down until the next key, as fingers on glass cannot hold two. */
export const STICKY = [
  ['Ctrl', 'Control'],
  ['Alt', 'Alt'],
  ['Shift', 'Shift'],
  ['Super', 'Meta'],
];
