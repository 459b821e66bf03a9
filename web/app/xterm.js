// xterm.js, as this page needs it: under a strict content security policy, and as a door that holds (core/paste.js).
//
// xterm's DOM renderer writes <style> elements and style attributes, which `style-src 'self'` refuses; constructed
// style sheets and the CSSOM are allowed. It gets elements whose text goes to a constructed sheet, and what anybody
// sets as a style attribute goes to the CSSOM.

import { copyRequest, pasteable } from '../core/paste.js';

export const THEME = {
  background: '#07090a',
  foreground: '#dfe6ea',
  cursor: '#55c5d1',
  cursorAccent: '#07090a',
  selectionBackground: '#2f6f78aa',
  black: '#1c2226',
  red: '#ff7b72',
  green: '#63d196',
  yellow: '#eabb5e',
  blue: '#79b8ff',
  magenta: '#d2a8ff',
  cyan: '#55c5d1',
  white: '#dfe6ea',
  brightBlack: '#7d8a94',
  brightRed: '#ffa198',
  brightGreen: '#8ce5b3',
  brightYellow: '#f6d99b',
  brightBlue: '#a5d0ff',
  brightMagenta: '#e2c5ff',
  brightCyan: '#86dde6',
  brightWhite: '#ffffff',
};

const OSC_CLIPBOARD = 52;
let Terminal, FitAddon;

/** Fetches xterm.js, which is larger than all the rest of the page; before openTerminal(). */
export async function loadXterm() {
  [{ Terminal }, { FitAddon }] = await Promise.all([
    import('../vendor/xterm/lib/xterm.mjs'),
    import('../vendor/xterm-fit/lib/addon-fit.mjs'),
  ]);
}

HTMLElement.prototype.setAttribute = function setAttribute(name, value) {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
};

function styleElement(create) {
  const el = create('i'); // even an empty <style> is refused; this one is never shown
  el.hidden = true;
  const sheet = new CSSStyleSheet();
  let source = '';
  Object.defineProperty(el, 'textContent', {
    get: () => source,
    set: (css) => {
      source = css;
      sheet.replaceSync(css);
    },
  });
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  el.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
    Element.prototype.remove.call(el);
  };
  return el;
}

const guarded = (create) => (tag, options) => (tag === 'style' ? styleElement(create) : create(tag, options));

/** What xterm.js may use instead of `document`: the same, with other style elements. */
function documentForXterm() {
  const create = guarded(document.createElement.bind(document));
  return new Proxy(document, {
    get(target, name) {
      if (name === 'createElement') return create;
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set(target, name, value) {
      target[name] = value;
      return true;
    },
  });
}

/**
 * All ways of pasting (keys, menu, middle button, term.paste()) lead through `onPaste`, which is given what
 * pasteable() says of the text and `go`, which pastes it.
 */
function guardPaste(term, el, onPaste) {
  const paste = term.paste.bind(term);
  term.paste = (raw) => {
    const clean = pasteable(raw);
    if (clean.text) onPaste(clean, () => paste(clean.text));
  };
  el.addEventListener(
    'paste',
    (e) => {
      e.preventDefault();
      e.stopImmediatePropagation();
      term.paste(e.clipboardData?.getData('text/plain') ?? '');
    },
    { capture: true },
  );
}

/**
 * Opens a terminal in `el`: {term, fit, dispose}. `onPaste({text, made, lines}, go)`: something is to be pasted;
 * `onCopy(text)`: a program wants to put it into the clipboard (never read it).
 */
export function openTerminal(el, { onPaste = (_clean, go) => go(), onCopy = () => {}, ...options }) {
  const term = new Terminal({
    ...options,
    logLevel: 'off', // it would log each sequence of a binary that it cannot parse
    documentOverride: documentForXterm(),
  });
  const fit = new FitAddon();
  term.loadAddon(fit);
  term.parser.registerOscHandler(OSC_CLIPBOARD, (data) => {
    const text = copyRequest(data);
    if (text !== null) onCopy(text);
    return true;
  });
  guardPaste(term, el, onPaste);
  // open() also makes style elements through the real document, in the same call
  document.createElement = guarded(document.createElement.bind(document));
  try {
    term.open(el);
  } finally {
    delete document.createElement;
  }
  return { term, fit, dispose: () => term.dispose() };
}
