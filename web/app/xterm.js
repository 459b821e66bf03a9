// xterm.js under a strict content security policy. Its DOM renderer writes <style> elements and style attributes,
// which `style-src 'self'` refuses; constructed style sheets and the CSSOM are allowed. This module gives it elements
// whose text goes to a constructed sheet, and spans whose style attribute goes to the CSSOM. Nothing else changes.

import { Terminal } from '../vendor/xterm/lib/xterm.mjs';
import { FitAddon } from '../vendor/xterm-fit/lib/addon-fit.mjs';

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

function setAttribute(name, value) {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

function guarded(create, tag, options) {
  if (tag === 'style') return styleElement(create);
  const el = create(tag, options);
  if (tag === 'span') el.setAttribute = setAttribute;
  return el;
}

/** What xterm.js may use instead of `document`: the same, with other elements. */
function documentForXterm() {
  const create = document.createElement.bind(document);
  return new Proxy(document, {
    get(target, name) {
      if (name === 'createElement') return (tag, options) => guarded(create, tag, options);
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set(target, name, value) {
      target[name] = value;
      return true;
    },
  });
}

/** Opens a terminal in `el`: {term, fit, dispose}. */
export function openTerminal(el, options) {
  const term = new Terminal({ ...options, documentOverride: documentForXterm() });
  const fit = new FitAddon();
  term.loadAddon(fit);
  // open() also makes style elements through the real document, in the same call
  const create = document.createElement.bind(document);
  document.createElement = (tag, o) => guarded(create, tag, o);
  try {
    term.open(el);
  } finally {
    delete document.createElement;
  }
  return { term, fit, dispose: () => term.dispose() };
}
