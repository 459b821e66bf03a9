// Who is in a session, in words.

import { age, millis } from '../core/format.js';

const PATHS = { direct: 'directly', nat: 'through NAT', turn: 'by TURN', relay: 'by the server' };

/** "Anna (guest)": who says so himself is no more than that. */
export const nameOf = (p) => (p.guest === false ? p.name : p.name ? `${p.name} (guest)` : 'a guest');

/** "Anna (guest), for 3 min, directly, 12 ms" */
export function personWords(p, now = Date.now()) {
  const parts = [nameOf(p), `for ${age(Math.max(0, now - Date.parse(p.since)) / 1000)}`];
  if (PATHS[p.path]) parts.push(PATHS[p.path]);
  if (Number.isFinite(p.rtt_ms)) parts.push(millis(p.rtt_ms));
  if (p.loss_pct > 1) parts.push(`${Math.round(p.loss_pct)} % lost`);
  if (p.controls) parts.push('has control');
  return parts.join(', ');
}
