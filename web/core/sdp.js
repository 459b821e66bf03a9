// The little of SDP that a WHEP client has to read: credentials and media ids of its own offer, to write
// application/trickle-ice-sdpfrag (RFC 8840), and the Link header's ICE servers (RFC 9725 §4.6).

/** {ufrag, pwd, medias: [{line, mid}]} of an offer. */
export function parseOffer(sdp) {
  const out = { ufrag: '', pwd: '', medias: [] };
  for (const line of sdp.split(/\r?\n/)) {
    if (line.startsWith('m=')) out.medias.push({ line: line.slice(2), mid: null });
    else if (line.startsWith('a=mid:') && out.medias.length) out.medias.at(-1).mid = line.slice(6);
    else if (line.startsWith('a=ice-ufrag:') && !out.ufrag) out.ufrag = line.slice(12);
    else if (line.startsWith('a=ice-pwd:') && !out.pwd) out.pwd = line.slice(10);
  }
  return out;
}

/** The body of a trickle PATCH. `candidates`: RTCIceCandidateInit; `end`: no more will come. */
export function sdpFragment(offer, candidates, end = false) {
  const lines = [`a=ice-ufrag:${offer.ufrag}`, `a=ice-pwd:${offer.pwd}`];
  offer.medias.forEach((media, index) => {
    const own = candidates.filter((c) =>
      c.sdpMid != null ? c.sdpMid === media.mid : (c.sdpMLineIndex ?? 0) === index,
    );
    const last = end && index === 0;
    if (!own.length && !last) return;
    lines.push(`m=${media.line}`);
    if (media.mid !== null) lines.push(`a=mid:${media.mid}`);
    for (const c of own) lines.push(`a=${c.candidate.replace(/^a=/, '')}`);
    if (last) lines.push('a=end-of-candidates');
  });
  return `${lines.join('\r\n')}\r\n`;
}

function unquote(text) {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

/** Link header -> iceServers. */
export function iceServersOf(link) {
  const servers = [];
  if (!link) return servers;
  for (const [, uri, params] of link.matchAll(/<([^>]+)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:\\.|[^"\\])*"|[^;,\s]+))*)/g)) {
    const p = {};
    for (const [, k, v] of params.matchAll(/;\s*([\w-]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;,\s]+)/g)) p[k] = unquote(v);
    if (p.rel !== 'ice-server') continue;
    servers.push({ urls: [uri], ...(p.username ? { username: p.username, credential: p.credential ?? '' } : {}) });
  }
  return servers;
}

export const ABS_CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';

/** Asks for the capture time of every frame, where the browser lets us (it is what tells true latency). */
export function wantCaptureTime(transceiver) {
  if (typeof transceiver?.getHeaderExtensionsToNegotiate !== 'function') return false;
  try {
    const list = transceiver.getHeaderExtensionsToNegotiate();
    const entry = list.find((e) => e.uri === ABS_CAPTURE_TIME);
    if (!entry) return false;
    entry.direction = 'sendrecv';
    transceiver.setHeaderExtensionsToNegotiate(list);
    return true;
  } catch {
    return false;
  }
}
