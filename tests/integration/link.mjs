// Frames of the host's link by hand (docs/PROTOCOL.md, "Streams"): what a test needs to play one end of it.
export const HEAD = 0x10,
  DATA = 0x11,
  CREDIT = 0x12,
  RESET = 0x13,
  END = 1;
export const WINDOW = 128 * 1024,
  CHUNK = 16 * 1024;

export function frame(type, stream, payload = '', end = false) {
  const body = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(typeof payload === 'object' ? JSON.stringify(payload) : payload);
  const out = Buffer.alloc(8 + body.length);
  out.writeUInt8(type, 0);
  out.writeUInt8(end ? END : 0, 1);
  out.writeUInt16BE(body.length, 2);
  out.writeUInt32BE(stream, 4);
  body.copy(out, 8);
  return out;
}

export function credit(stream, bytes) {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(CREDIT, stream, payload);
}

/** The frames of one binary message; a picture gives none. */
export function frames(message) {
  const out = [];
  for (let at = 0; message[at] >= HEAD && message[at] <= RESET && at + 8 <= message.length; ) {
    const size = message.readUInt16BE(at + 2);
    const payload = message.subarray(at + 8, at + 8 + size);
    out.push({
      type: message[at],
      end: (message[at + 1] & END) !== 0,
      stream: message.readUInt32BE(at + 4),
      payload,
      ...(message[at] === HEAD ? { head: JSON.parse(payload) } : {}),
    });
    at += 8 + size;
  }
  return out;
}

/** All frames among what an inbox got (Buffers), of one stream or of all. */
export const framesOf = (inbox, stream) =>
  inbox.items
    .filter(Buffer.isBuffer)
    .flatMap(frames)
    .filter((f) => stream === undefined || f.stream === stream);
export const bodyOf = (inbox, stream) =>
  Buffer.concat(
    framesOf(inbox, stream)
      .filter((f) => f.type === DATA)
      .map((f) => f.payload),
  );

/** Waits for a frame that fits; `find` of the inbox does the waiting. */
export async function findFrame(inbox, fits, { what = 'a frame', ms, from } = {}) {
  const message = await inbox.find((m) => Buffer.isBuffer(m) && frames(m).some(fits), { what, ms, from });
  return frames(message).find(fits);
}

export const headOf = (inbox, fits = () => true, options) =>
  findFrame(inbox, (f) => f.type === HEAD && fits(f.head, f), { what: 'a head', ...options });

/** Answers carried requests by hand: `answer(head, stream, body)` once a request is complete. */
export function serve(host, answer) {
  const seen = new Set();
  const pump = () => {
    for (const f of framesOf(host)) {
      if (f.type !== HEAD || seen.has(f.stream) || !framesOf(host, f.stream).some((x) => x.end)) continue;
      seen.add(f.stream);
      answer(f.head, f.stream, bodyOf(host, f.stream));
    }
    host._wake.push(pump);
  };
  pump();
}

export const answerTo = (host, stream, status, headers, text) => {
  host.send(frame(HEAD, stream, { status, headers }));
  host.send(frame(DATA, stream, text, true));
};
