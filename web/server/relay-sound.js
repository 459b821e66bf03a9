// The sound of an observed device where WebRTC does not carry it: by the server's relay, decoded by the page.

import { OpusDecoder, PlayPlan, whyNoOpus } from '../core/opus.js';
import { parseBinary } from '../core/relay.js';

/**
 * What mountScreen() takes as the fallback's `sound`.
 * @returns {{start(o: {played: (from) => void, refused: (why: string) => void, which: string|null}), stop(), turn()}}
 *          `played`: {context, node} of what is heard now; stop() is true where something was; `which`: the interface,
 *          null: the device's first; turn(which): that one is heard from now on, if any is
 */
export function relaySound({ id, signaling, commands, scope }) {
  let undo = null;
  let context = null;
  let gain = null;
  let plan = null;
  const planned = new Set();

  function silence() {
    for (const source of planned) source.stop();
    planned.clear();
  }

  const decoder = new OpusDecoder({
    heard(block, place) {
      const now = context?.currentTime ?? 0;
      const next = context?.state === 'running' ? plan.next(place, now) : null;
      if (next?.flush) silence();
      if (next) play(block, next.when);
      block.close();
    },
  });

  function play(block, when) {
    const buffer = context.createBuffer(block.numberOfChannels, block.numberOfFrames, block.sampleRate);
    for (let n = 0; n < block.numberOfChannels; n++)
      block.copyTo(buffer.getChannelData(n), { planeIndex: n, format: 'f32-planar' });
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(gain);
    source.onended = () => {
      planned.delete(source);
      source.disconnect();
    };
    planned.add(source);
    source.start(when);
  }

  scope.add(
    signaling.on('binary', (bytes) => {
      const m = undo ? parseBinary(bytes) : null;
      if (m?.kind === 'sound') decoder.push(m);
    }),
  );

  let wanted = false;
  let why = null; // why it is not played; null: it is not known yet
  const topicOf = (which) => (which ? `sound:${id}/${which}` : 'sound');
  async function start({ played, refused, which }) {
    if (!wanted) {
      wanted = true;
      why = await whyNoOpus();
    }
    if (!wanted || undo) return;
    if (why) {
      refused(`it comes through the server now, and ${why}.`);
      return;
    }
    context = new AudioContext({ latencyHint: 'interactive', sampleRate: 48000 });
    context.resume().catch(() => {});
    gain = context.createGain();
    gain.connect(context.destination);
    plan = new PlayPlan();
    undo = commands.subscribe(topicOf(which));
    played({ context, node: gain });
  }
  /** The host has one subscription of sound for each observer: the new one takes the place of that of before. */
  function turn(which) {
    if (!undo) return;
    undo();
    decoder.stop();
    silence();
    plan = new PlayPlan();
    undo = commands.subscribe(topicOf(which));
  }
  function stop() {
    const before = undo;
    wanted = false;
    undo?.();
    undo = null;
    decoder.stop();
    silence();
    context?.close().catch(() => {});
    context = gain = null;
    return Boolean(before);
  }
  scope.add(stop);
  return { start, stop, turn };
}
