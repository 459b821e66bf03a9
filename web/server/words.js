// What an observer reads when the way to the device is not there, or ends.

import { timeOfDay } from '../core/words.js';

const ENDS = {
  gone: 'This session has ended. Ask for a new link.',
  'Invalid session or token':
    'This link opens nothing any more: it has ended, or it was not copied as a whole. Ask for a new link.',
  'Session expired': 'This link has expired: nobody used it for ten minutes. Ask for a new link.',
  'Session ended': 'Who made this link has taken it back. Ask for a new link.',
  'Too many observers': 'As many people watch as this link lets in. Try again when one of them has left.',
};

/** A sentence for the end; undefined: it is not known as one. */
export const endWords = (why) => ENDS[why];

/** "lab-1 is not connected …" `server`: the server itself answers. `since`: as in app/banner.js. */
export function lostWords({ host, server, since, online = true }) {
  const old = since ? ` What you see is from ${timeOfDay(since)}.` : '';
  const back = 'This page goes on by itself when it is back.';
  if (!online) return `This device has no network.${old} ${back}`;
  if (!server) return `No connection to the server.${old} Is the network there? ${back}`;
  return `${host} is not connected to the server right now: it was stopped, or its network is gone.${old} ${back}`;
}
