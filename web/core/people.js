// Who is in a session, in words.

import { age } from './format.js';

const PATHS = { direct: 'directly', nat: 'through NAT', turn: 'by TURN', relay: 'by the server' };

/** "Anna (guest)": who says so himself is no more than that. */
export const nameOf = (p) => (p.guest === false ? p.name : p.name ? `${p.name} (guest)` : 'a guest');

/** "for 3 min, directly, 12 ms" */
export function wayWords(p, now = Date.now()) {
  const parts = [`for ${age(Math.max(0, now - Date.parse(p.since)) / 1000)}`];
  if (PATHS[p.path]) parts.push(PATHS[p.path]);
  if (Number.isFinite(p.rtt_ms)) parts.push(p.rtt_ms < 1 ? '< 1 ms' : `${Math.round(p.rtt_ms)} ms`);
  if (p.loss_pct >= 1) parts.push(`${Math.round(p.loss_pct)} % lost`);
  return parts.join(', ');
}

/** The same with the name. */
export const personWords = (p, now = Date.now()) =>
  `${nameOf(p)}, ${wayWords(p, now)}${p.controls ? ', has control' : ''}`;

/** A colour of tokens.css, the same for one person wherever he is seen: 1 to 6. */
export function colourOf(peerId) {
  let sum = 0;
  for (const c of peerId) sum = (sum * 31 + c.charCodeAt(0)) >>> 0;
  return (sum % 6) + 1;
}

/** By what somebody is with a device at the host itself. */
export const BY = {
  webrtc: 'on a page',
  vnc: 'by VNC',
  mjpeg: 'by MJPEG',
  console: 'on the console',
  port: "on the console's port",
};

/**
 * Of those with a device all but this page. Who is with it at the host itself (`by`) is told by user alone: which of
 * one's own is this page, nobody can say, and need not. A page without a picture has a console at the most.
 */
export function withoutMe(people, me) {
  const mine = ['webrtc', 'mjpeg', 'console']
    .map((by) => people.findIndex((p) => p.by === by && p.user === me?.user))
    .find((i) => i >= 0);
  return people.filter((_, i) => i !== mine);
}

/** Of those with a device whom the session's own list does not have: of other links, or at the host itself. */
export const besides = (people, room) => people.filter((p) => p.by || !room.some((known) => known.peerId === p.peerId));

/** Who watches at the host itself; without tokens nobody has a name. */
export function nameHere(p, me) {
  if (p.guest) return 'a guest';
  const user = p.user?.replace(/ \(via server\)$/, '');
  if (!user || user === 'local') return 'somebody';
  return me?.named && p.user === me.user ? 'you' : user;
}
