// What the API says, as people read it: times of this day and place, no headers, no browser's words.

import { whoIs } from './who.js';

const ISO = /\b(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))/g;
const LEASED_UNTIL = / until (\S+); send X-Lease if that is you, or wait/;

/** 14:05 of today, else with the day. `now`: ms */
export function timeOfDay(time, now = Date.now()) {
  const t = new Date(time);
  if (Number.isNaN(t.getTime())) return String(time);
  const clock = t.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
  return t.toDateString() === new Date(now).toDateString()
    ? clock
    : `${t.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${clock}`;
}

/** A text of the API for people. */
export function humane(text, now = Date.now()) {
  return (
    String(text)
      .replace(LEASED_UNTIL, ' until $1')
      .replace(/;? ?send X-Lease[^.;]*/g, '')
      .replace(/ \(Authorization: Bearer …\)/g, '')
      .replace(/^\S+ needs role (\w+), you are (\w+)$/, 'This needs the role $1; your role is $2')
      .replace(/\bX-Lease is not the lease/g, 'yours is not the lease')
      .replace(ISO, (time) => timeOfDay(time, now))
      // what browsers say of a request that got nowhere
      .replace(
        /^(Failed to fetch|Load failed|NetworkError when attempting to fetch resource\.?|fetch failed)$/,
        'no answer',
      )
  );
}

/** "anna has it until 14:05" */
export function whoHasIt(lease, now = Date.now(), who = whoIs) {
  const until = lease?.expires_at ? ` until ${timeOfDay(lease.expires_at, now)}` : '';
  return `${who(lease?.holder)} has it${until}`;
}

/** A part of an address as it is meant; what is no such text (a `%` alone) stays as it is. */
export function unescaped(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What a device is, of GET …/devices `facts`: "Google Pixel 8, Android 14 (API 34), arm64-v8a, serial 0A1B2C3D". */
export function factWords({ manufacturer, model, android, api, abi, serial, build }) {
  const name = model?.toLowerCase().startsWith(manufacturer?.toLowerCase() ?? '\n')
    ? model
    : [manufacturer, model].filter(Boolean).join(' ');
  return [
    name,
    android && `Android ${android}${api ? ` (API ${api})` : ''}`,
    abi,
    build && `build ${build}`,
    serial && `serial ${serial}`,
  ]
    .filter(Boolean)
    .join(', ');
}
