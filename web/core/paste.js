// What passes between clipboard and terminal. A device's program and a page that somebody copied from are strangers to
// each other: text that is pasted is only text, and what a program copies is shown before it is.

export const MAX_COPY_BYTES = 100 * 1024; // of one OSC 52

/**
 * Text as it may be pasted: control characters become their pictures (U+2400…), so that none of them can end a
 * bracketed paste (GHSA-h62m-39wp-xq3w), press Ctrl+C or start a sequence; tab and line ends stay. Line ends are CR,
 * as Enter is. {text, made: how many were replaced, lines}
 */
export function pasteable(raw) {
  let made = 0;
  const text = String(raw)
    .replace(/\r\n?|\n/g, '\r')
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, (c) => {
      made += 1;
      const code = c.charCodeAt(0);
      return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
    });
  const lines = text.replace(/\r$/, '').split('\r').length;
  return { text, made, lines };
}

/**
 * The text that OSC 52 (`c;aGVsbG8=`) asks to put into the clipboard. Null: it asks to read the clipboard, clears it,
 * is too long or not base64: none of that is done.
 */
export function copyRequest(data) {
  const at = data.indexOf(';');
  const base64 = at < 0 ? '' : data.slice(at + 1);
  if (!base64 || base64.length > (MAX_COPY_BYTES / 3) * 4 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
  try {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
