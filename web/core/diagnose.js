// What a network lets a browser do: each way to a picture is tried as a peer connection would try it. No DOM; the
// server's part is GET /api/diagnose.

import { systemClock } from './backoff.js';

const GATHER_MS = 5000; // that a STUN or TURN server may take: its client has asked six times by then

/** host and port of a STUN or TURN URL (RFC 7064, RFC 7065), with the transport that it is reached by. */
export function serverOf(url) {
  const m = /^(stuns?|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(\w+))?$/i.exec(url);
  if (!m) return null;
  const [, scheme, host, port, transport] = m;
  const tls = /s$/i.test(scheme);
  const way = tls ? 'tls' : transport?.toLowerCase() === 'tcp' ? 'tcp' : 'udp';
  return { host, port: Number(port ?? (tls ? 5349 : 3478)), way, turn: /^turn/i.test(scheme) };
}

/** Lists of ICE servers -> those of each way: {stun, udp, tcp, tls}, as RTCPeerConnection takes them. */
export function waysOf(iceServers) {
  const ways = { stun: [], udp: [], tcp: [], tls: [] };
  for (const { urls, username, credential } of iceServers)
    for (const url of [urls].flat()) {
      const server = serverOf(url);
      if (!server) continue;
      if (server.way === 'udp') ways.stun.push({ urls: `stun:${server.host}:${server.port}` }); // a TURN server, too
      if (server.turn) ways[server.way].push({ urls: url, username, credential });
    }
  const seen = new Set();
  ways.stun = ways.stun.filter(({ urls }) => !seen.has(urls) && seen.add(urls));
  return ways;
}

/** "candidate:1 1 udp 2122 10.0.0.2 4711 typ srflx raddr 0.0.0.0 rport 0" -> its parts, or null. */
export function candidateParts(text) {
  const m = /^candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ (\S+)(?:.* rport (\d+))?/.exec(text ?? '');
  return (
    m && { protocol: m[1].toLowerCase(), address: m[2], port: Number(m[3]), type: m[4], base: Number(m[5] ?? m[3]) }
  );
}

/** Candidates that a connection with these servers finds: [{type, protocol, address, port, base, ms}]. */
export async function gather({ RTCPeerConnection, iceServers, relay = false, clock = systemClock, ms = GATHER_MS }) {
  const pc = new RTCPeerConnection({ iceServers, ...(relay ? { iceTransportPolicy: 'relay' } : {}) });
  const found = [];
  const begun = clock.now();
  try {
    pc.createDataChannel('diagnosis');
    const done = new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, ms);
      pc.addEventListener('icecandidate', ({ candidate }) => {
        const parts = candidate && candidateParts(candidate.candidate);
        if (parts) found.push({ ...parts, ms: Math.round(clock.now() - begun) });
        if (parts?.type === 'relay' || !candidate) {
          clock.clearTimeout(timer); // one relay is all that is asked
          resolve();
        }
      });
    });
    await pc.setLocalDescription(await pc.createOffer());
    await done;
  } finally {
    pc.close();
  }
  return found;
}

const isV6 = (address) => address.includes(':');

/** Of a STUN try: {works, address, addressV6, symmetric}; `symmetric`: each destination sees another port. */
export function natOf(candidates) {
  const seen = candidates.filter((c) => c.type === 'srflx' && c.protocol === 'udp');
  const ports = new Map();
  for (const c of seen.filter((x) => !isV6(x.address)))
    ports.set(c.base, (ports.get(c.base) ?? new Set()).add(`${c.address}:${c.port}`));
  return {
    works: seen.length > 0,
    address: seen.find((c) => !isV6(c.address))?.address ?? null,
    addressV6: seen.find((c) => isV6(c.address))?.address ?? null,
    symmetric: [...ports].some(([base, set]) => base > 0 && set.size > 1),
  };
}

/**
 * Results in words. `r`: {webSocket, stun, udp, tcp, tls} of true, false or null (not offered), and `symmetric`.
 * {level, path, text}: path is what a picture from behind another strict network would take.
 */
export function verdictOf(r) {
  if (!r.webSocket)
    return {
      level: 'bad',
      path: 'none',
      text: 'WebSockets do not get through to the server: a proxy or a firewall on the way ends them, so nothing is live here.',
    };
  const turn = r.udp ? 'UDP' : r.tcp ? 'TCP' : r.tls ? 'TLS' : null;
  const beyond = turn
    ? `Where there is no direct path the picture goes through TURN by ${turn}.`
    : 'Where there is no direct path the picture comes through the server, fewer and smaller.';
  if (r.stun && !r.symmetric)
    return {
      level: 'good',
      path: 'direct',
      text: `UDP gets out: pictures come peer to peer from most networks. ${beyond}`,
    };
  if (r.stun || r.udp)
    return {
      level: turn ? 'good' : 'warn',
      path: turn ? 'turn' : 'relay',
      text: r.symmetric
        ? `UDP gets out, but this network shows another port to each destination: a direct path exists only to open networks. ${beyond}`
        : `UDP gets out. ${beyond}`,
    };
  if (turn)
    return {
      level: 'warn',
      path: 'turn',
      text: `UDP does not get out of this network. Pictures come through TURN by ${turn}.`,
    };
  if (r.stun === null)
    return {
      level: 'warn',
      path: 'relay',
      text: 'The server names neither STUN nor TURN servers to try: pictures come directly within one network, and else through the server.',
    };
  return {
    level: 'warn',
    path: 'relay',
    text: 'UDP does not get out of this network, and no TURN server is reached. Pictures come through the server, fewer and smaller.',
  };
}

/** What would have to be let out for the ways that failed: ["UDP 3478 to turn.example", …]. */
export function toOpen(r, ways) {
  const out = new Set();
  for (const way of ['stun', 'udp', 'tcp', 'tls']) {
    if (r[way] !== false) continue;
    for (const { urls } of ways[way]) {
      const { host, port } = serverOf(urls);
      out.add(`${way === 'tcp' || way === 'tls' ? 'TCP' : 'UDP'} ${port} to ${host}`);
    }
  }
  return [...out];
}
