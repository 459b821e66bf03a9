// What is true of what a page shows: a reading that nobody renewed is old, a switch that does not answer has no state
// that anybody knows, and what a command is changing just now is no fault.

import { usualInterval } from './series.js';
import { timeOfDay } from './words.js';

const PAUSES = 4; // times the usual interval between two samples
const LEAST_MS = 5000;
const UNKNOWN_MS = 30000; // where nobody knows how often it comes

/** The host's clock as the page sees it: what it tells of itself, and what comes from it live. */
export class HostClock {
  constructor(now = Date.now) {
    this._now = now;
    this._behind = null; // ms, ours minus its
  }

  /** The host said what time it is. */
  set(hostMs) {
    if (Number.isFinite(hostMs)) this._behind = this._now() - hostMs;
  }

  /** Something live came that was made at `hostMs`: its clock is at least so far. */
  heard(hostMs) {
    if (Number.isFinite(hostMs)) this._behind = Math.min(this._behind ?? Infinity, this._now() - hostMs);
  }

  now() {
    return this._now() - (this._behind ?? 0);
  }
}

/** Age in s of a sample that should have been followed by another one; null: it is as new as it should be. */
export function staleFor(sample, now) {
  const usual = usualInterval((sample.points?.[0] ?? []).slice(-20));
  const limit = usual === null ? UNKNOWN_MS : Math.max(LEAST_MS, PAUSES * usual);
  const age = now - sample.t;
  return age > limit ? Math.round(age / 1000) : null;
}

const DOING = { cycle: 'Cycling', set: 'Switching' };

/**
 * What is known of a power switch. `p`: as the API gives it, `iface`: the interface.
 * @returns {{observed: 'on'|'off'|'unknown', words: string, was: string, busy: string, wrong: string}} `was`: the last
 *          state that was seen, where it is not known any more; `busy`: what a command is doing; `wrong`: what is not as
 *          it should be, and what helps
 */
export function powerTruth(p, iface = {}) {
  const lost = p?.error ?? (iface.state && iface.state !== 'ready' && iface.state !== 'busy' ? iface.reason : null);
  const seen = p?.observed ?? 'unknown';
  const observed = lost ? 'unknown' : seen;
  const was = lost && seen !== 'unknown' ? `was ${seen}${p.at ? ` at ${timeOfDay(p.at)}` : ''}` : '';
  const busy = p?.running ? `${DOING[p.running] ?? 'Working'} …` : '';
  let wrong = '';
  if (lost) wrong = `The switch does not answer: ${lost.replace(/[.\s]+$/, '')}${/[?!]\s*$/.test(lost) ? '' : '.'}`;
  else if (!busy && p?.reason) wrong = p.reason;
  else if (!busy && p?.commanded && observed !== 'unknown' && p.commanded !== observed)
    wrong = `It should be ${p.commanded} and is ${observed}: it was switched elsewhere, or the wiring is not as the host knows it.`;
  return { observed, was, busy, wrong };
}

/** One line for a card. */
export function powerWords(p, iface) {
  if (!p) return 'Power …';
  const { observed, was, busy, wrong } = powerTruth(p, iface);
  if (busy) return observed === 'unknown' ? busy : `${busy} ${observed} now`;
  if (was) return `Unknown, ${was}`;
  if (p.error) return 'Power unknown';
  if (wrong && p.commanded !== observed) return `Should be ${p.commanded}, is ${observed}`;
  if (observed === 'unknown') return p.commanded ? `Commanded ${p.commanded}, not observed` : 'Not observed';
  return observed === 'on' ? 'On' : 'Off';
}
