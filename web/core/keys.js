// KeyboardEvent -> input messages. Keys travel by KeyboardEvent.key; what is held down is remembered, so that
// nothing stays pressed on the device when the page loses the keyboard.

/** Leaving the picture by keyboard: both pressed together and let go without another key. */
const RELEASE = new Set(['Control', 'Alt']);

const DEAD = new Set(['Dead', 'Unidentified', 'Process', '']);

export class KeyState {
  constructor() {
    this._held = new Map(); // code -> key as sent
    this._chord = false;
  }

  get held() {
    return [...this._held.values()];
  }

  /** {events, release}: what to send, and whether the user wants the keyboard back. */
  down(e) {
    if (DEAD.has(e.key) || e.isComposing) return { events: [], release: false };
    const code = e.code || e.key;
    if (e.repeat && RELEASE.has(e.key)) return { events: [], release: false };
    this._chord =
      RELEASE.has(e.key) &&
      [...this._held.values(), e.key].every((k) => RELEASE.has(k)) &&
      new Set([...this._held.values(), e.key]).size === 2;
    this._held.set(code, e.key);
    return { events: [this._event(e.key, true)], release: false };
  }

  up(e) {
    const code = e.code || e.key;
    const key = this._held.get(code);
    if (key === undefined) return { events: [], release: false };
    this._held.delete(code);
    const release = this._chord && RELEASE.has(key);
    const events = [this._event(key, false)];
    if (release) events.push(...this.releaseAll());
    return { events, release };
  }

  /** Ups for all that is held: on blur, on leaving, on losing control. */
  releaseAll() {
    const events = [...this._held.values()].map((key) => this._event(key, false));
    this._held.clear();
    this._chord = false;
    return events;
  }

  _event(key, down) {
    return { type: 'key', key, action: down ? 'down' : 'up' };
  }
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
  { label: 'Ctrl+C', keys: ['Control', 'c'], kind: 'desktop' },
  { label: 'Ctrl+Alt+Del', keys: ['Control', 'Alt', 'Delete'], kind: 'desktop' },
  ...Array.from({ length: 12 }, (_, i) => ({ label: `F${i + 1}`, keys: [`F${i + 1}`], kind: 'desktop', more: true })),
];
