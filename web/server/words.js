// What an observer reads when the way to the device is not there, or ends.

import { timeOfDay } from '../core/words.js';

const ENDS = {
  gone: 'This session has ended. Ask for a new link.',
  'Invalid session or token':
    'This link opens nothing any more: it has ended, or it was not copied as a whole. Ask for a new link.',
  'Session expired': 'This link has expired: nobody used it for ten minutes. Ask for a new link.',
  'Session time is over': 'The time that this link was given is over. Ask for a new link.',
  'Session ended': 'Who made this link has taken it back. Ask for a new link.',
  'Too many observers': 'As many people watch as this link lets in. Try again when one of them has left.',
  'Too many observers: somebody who controls came':
    'Somebody who controls the device took the last place. Try again when somebody has left.',
};

/** A sentence for the end; undefined: it is not known as one. */
export const endWords = (why) => ENDS[why];
/** The same link may do later; one that has ended or was taken back never does. */
export const mayTryAgain = (why) => !Object.hasOwn(ENDS, why) || why.startsWith('Too many observers');

const PAIR_ENDS = {
  'Session ended': 'The desktop has ended this session.',
  'Session expired': 'This session has expired: nobody used it for ten minutes.',
  'Invalid session or token':
    'This link opens nothing any more: its session has ended, or it was not copied as a whole.',
};
const HAS_PHONE =
  'Another phone is connected to this session. Close its page there, and load this one again; or make a session of its own for this phone.';

/** Why a phone does not come in, or is out, and what helps. */
export const phoneEnd = (why) =>
  why === 'Phone already connected' ? HAS_PHONE : `${PAIR_ENDS[why] ?? `${why}.`} Scan a new code on the desktop page.`;

/** The same on the desktop's page. */
export function desktopEnd(why) {
  if (why === 'Desktop already connected')
    return 'Another page shows this session already. Close that one, or create a new session.';
  const words = why === 'Session expired' ? 'nobody used it for ten minutes' : null;
  return `The session is over${words ? `: ${words}` : ''}. Create a new one, and scan its code.`;
}

const PLACE_TAKEN = new Set(['Too many observers', 'You did not answer, and somebody else has your place']);

/** "lab-1 is not connected …" `server`: the server itself answers. `since`: as in app/banner.js. */
export function lostWords({ host, server, since, online = true, reason = null }) {
  const old = since ? ` What you see is from ${timeOfDay(since)}.` : '';
  const back = 'This page goes on by itself when it is back.';
  if (!online) return `This device has no network.${old} ${back}`;
  if (PLACE_TAKEN.has(reason))
    return `While this page was away somebody else took its place, and as many people watch as this link lets in.${old} It comes in by itself when one of them has left.`;
  if (!server) return `No connection to the server.${old} Is the network there? ${back}`;
  return `${host} is not connected to the server right now: it was stopped, or its network is gone.${old} ${back}`;
}
