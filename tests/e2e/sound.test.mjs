// Sound beside the picture: how far what is heard is from what is seen (a beep and a flash of one moment), in Chromium.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until, withHost } from '../integration/harness.mjs';
import { withServer } from '../integration/server-harness.mjs';
import { inPage, openPage, assertQuiet, startBrowser } from './browser.mjs';
import { startFirefox } from './firefox.mjs';

const STEP_MS = 60; // as far as sound and picture may be apart

// Runs in the page: plays `url`, and notes when each flash is shown and each beep is heard, on performance.now().
async function play({ url, beats, step }) {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  pc.addTransceiver('video', { direction: 'recvonly' });
  pc.addTransceiver('audio', { direction: 'recvonly' });
  const video = document.createElement('video');
  video.autoplay = true;
  document.body.append(video);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 8;
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const seen = { flashes: [], beeps: [] };
  let bright = true;
  const onFrame = (now, meta) => {
    pen.drawImage(video, meta.width * 0.85, meta.height * 0.85, meta.width * 0.1, meta.height * 0.1, 0, 0, 8, 8);
    const white = pen.getImageData(4, 4, 1, 1).data[1] > 128;
    if (white && !bright) seen.flashes.push(meta.expectedDisplayTime);
    bright = white;
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  const ear = new AudioContext({ latencyHint: 'interactive', sampleRate: 48000 });
  const code = `registerProcessor('ear', class extends AudioWorkletProcessor {
    constructor() { super(); this.loud = -1; }
    process([[samples]]) {
      for (let i = 0; samples && i < samples.length; i++) {
        const at = currentFrame + i;
        if (Math.abs(samples[i]) < 0.05) continue;
        if (this.loud >= 0 && at - this.loud > 24000) this.port.postMessage(at / sampleRate);
        this.loud = at;
      }
      if (this.loud < 0) this.loud = currentFrame;
      return true;
    }
  });`;
  await ear.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
  pc.ontrack = (e) => {
    video.srcObject = e.streams[0];
    if (e.track.kind !== 'audio') return;
    const node = new AudioWorkletNode(ear, 'ear');
    ear.createMediaStreamSource(new MediaStream([e.track])).connect(node);
    node.port.onmessage = ({ data }) => {
      const { contextTime, performanceTime } = ear.getOutputTimestamp();
      seen.beeps.push(performanceTime + (data - contextTime) * 1000);
    };
  };
  await pc.setLocalDescription();
  const answer = await fetch(url, {
    method: 'POST',
    body: pc.localDescription.sdp,
    headers: { 'Content-Type': 'application/sdp' },
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  // Of each beep that has a flash: how long after it. A viewer needs some seconds to find out what the line needs.
  const apart = () =>
    seen.beeps
      .map((b) => b - seen.flashes.reduce((near, f) => (Math.abs(f - b) < Math.abs(near - b) ? f : near), Infinity))
      .filter((ms) => Math.abs(ms) < 500);
  const middle = () =>
    apart()
      .slice(-beats)
      .sort((a, b) => a - b)[beats >> 1];
  const until = performance.now() + 40000;
  while (!(Math.abs(middle()) <= step) && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 100));
  const stats = [...(await pc.getStats()).values()].filter((s) => s.type === 'inbound-rtp');
  pc.close();
  await ear.close();
  return { ms: apart(), middle: middle(), flashes: seen.flashes.length, beeps: seen.beeps.length, stats };
}

test('a beep is heard when its flash is seen', async (t) => {
  const host = await withHost(t, {
    devices: {
      av: { attach: ['testpattern://?flash=true&width=640&height=360', 'testtone://?pattern=beep&level=-6'] },
    },
  });
  const browser = await startBrowser(t);
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.goto(`${host.url}/docs`);
  const heard = await page.evaluate(play, { url: `${host.url}/host/devices/av/video/whep`, beats: 5, step: STEP_MS });
  t.diagnostic(`sound after picture: ${heard.ms.map((v) => v.toFixed(0)).join(', ')} ms`);
  for (const s of heard.stats)
    t.diagnostic(
      `${s.kind}: ${s.packetsReceived} packets, ${s.packetsLost} lost, jitter buffer ${((1000 * s.jitterBufferDelay) / s.jitterBufferEmittedCount).toFixed(1)} ms, concealed ${s.concealedSamples}`,
    );
  assert.ok(heard.ms.length, `of ${heard.flashes} flashes and ${heard.beeps} beeps`);
  assert.ok(Math.abs(heard.middle) <= STEP_MS, `${heard.middle} ms apart`);
});

const AV = { attach: ['testpattern://?width=640&height=360', 'testtone://?level=-12'] };
const sound = (page) =>
  page.evaluate(() => {
    const video = document.querySelector('.stage video');
    return {
      muted: video.muted,
      tracks: (video.srcObject?.getTracks() ?? []).map((t) => t.kind).sort(),
    };
  });

test('the page is silent until its button is pressed, by a key; then it is heard, measured, and muted again', async (t) => {
  const host = await withHost(t, { devices: { av: AV, mic: { attach: 'pulse:///mic?server=unix:/nonexistent' } } });
  const browser = await startBrowser(t);
  const page = await openPage(t, browser, `${host.url}/#/d/av`);
  const listeners = async () => (await host.get('/host/devices/av/audio')).json.listeners;
  await inPage(page, 'a picture', () => document.querySelector('.stage video')?.videoWidth > 0);
  assert.deepEqual(await sound(page), {
    muted: true,
    tracks: ['video'],
  });
  assert.equal(await listeners(), 0); // the microphone is off
  await page.focus('button[aria-label="Hear the sound"]');
  await page.keyboard.press('Enter');
  await inPage(page, '-15 dBFS', () => {
    const level = document.querySelector('.level').getAttribute('aria-valuenow');
    return level !== null && Math.abs(Number(level) + 15) <= 2;
  });
  assert.deepEqual(await sound(page), { muted: false, tracks: ['audio', 'video'] });
  await page.keyboard.press('Enter');
  await inPage(page, 'no sound', () => document.querySelector('.stage video').srcObject?.getAudioTracks().length === 0);
  assert.equal((await sound(page)).muted, true);
  await page.goto(`${host.url}/#/d/mic`);
  await page.click('button[aria-label="Hear the sound"]');
  await inPage(page, 'the reason', () =>
    /^No sound: .*no PulseAudio or PipeWire server answers/.test(document.querySelector('#sound-notice')?.textContent),
  );
  assertQuiet(page);
});

const loud = (page) =>
  inPage(page, '-15 dBFS', () => {
    const level = document.querySelector('.level').getAttribute('aria-valuenow');
    return level !== null && Math.abs(Number(level) + 15) <= 2;
  });

test('an observer hears it: peer to peer, by the relay where WebRTC does not work, and without a picture', async (t) => {
  const server = await withServer(t);
  const host = await withHost(t, {
    name: 'lab-1',
    server: { url: server.url },
    devices: {
      av: AV,
      mic: { attach: 'testtone://?level=-12' },
      room: {
        attach: {
          video: 'testpattern://?width=640&height=360',
          audio: 'testtone://',
          audio2: { uri: 'testtone://?level=-12', kind: 'audio' },
        },
      },
    },
  });
  await until('the devices on the server', async () => (await server.get('/api/devices')).text.includes('lab-1/mic'));
  const browser = await startBrowser(t);
  const listeners = async (id) => (await host.get(`/host/devices/${id}/audio`)).json.listeners;
  const heardOf = async (id) =>
    Promise.all(['audio', 'audio2'].map(async (i) => (await host.get(`/host/devices/${id}/${i}`)).json.listeners));
  const watch = async (device, options) => {
    const { viewUrl } = await server.session({ device: `lab-1/${device}`, mode: 'view' });
    return openPage(t, browser, new URL(viewUrl, server.url).href, options);
  };
  const HEAR = 'button[aria-label="Hear the sound"]';

  const page = await watch('av');
  await inPage(page, 'a picture', () => document.querySelector('.stage video')?.videoWidth > 0);
  await page.click(HEAR);
  await loud(page);
  assert.equal(await listeners('av'), 1);
  assertQuiet(page);
  await page.close();

  const relayed = await watch('av', { webrtc: false });
  await inPage(relayed, 'a picture', () => document.querySelector('.stage')?.dataset.rung === 'fallback');
  await until('nobody to listen', async () => (await listeners('av')) === 0);
  await relayed.click(HEAR);
  await loud(relayed);
  // another one hears the same packets, which go up once for both
  const other = await watch('av', { webrtc: false });
  await other.click(HEAR);
  await Promise.all([loud(other), loud(relayed)]);
  await other.close();
  await loud(relayed);
  assert.equal(await relayed.locator('#sound-notice').isVisible(), false);
  assert.equal(await listeners('av'), 1);
  await relayed.click('button[aria-label="Mute the sound"]');
  await until('nobody to listen', async () => (await listeners('av')) === 0);
  assertQuiet(relayed);
  await relayed.close();

  // of several one is chosen, and is another one from then on
  for (const options of [{}, { webrtc: false }]) {
    const room = await watch('room', options);
    await room.click(HEAR);
    await until('the first', async () => (await heardOf('room')).join() === '1,0');
    await room.getByLabel('What is heard').selectOption('audio2');
    await until('the second, alone', async () => (await heardOf('room')).join() === '0,1');
    await loud(room);
    assertQuiet(room);
    await room.close();
    await until('nobody', async () => (await heardOf('room')).join() === '0,0');
  }

  for (const options of [{}, { webrtc: false }]) {
    const mic = await watch('mic', options);
    await mic.click(`[aria-label=Sound] ${HEAR}`);
    await loud(mic);
    assert.equal(await listeners('mic'), 1);
    assertQuiet(mic);
    await mic.close();
  }
});

test('Firefox plays sound beside the picture', async (t) => {
  const host = await withHost(t, { devices: { av: AV } });
  const firefox = await startFirefox(t);
  await firefox.goto(`${host.url}/docs`);
  const got = await firefox.evaluate(async (url) => {
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    const streams = new Set();
    pc.ontrack = (e) => streams.add(e.streams[0].id);
    await pc.setLocalDescription();
    const headers = { 'Content-Type': 'application/sdp' };
    const answer = await fetch(url, { method: 'POST', body: pc.localDescription.sdp, headers });
    await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    for (const end = performance.now() + 20000; performance.now() < end; ) {
      const stats = [...(await pc.getStats()).values()].filter((s) => s.type === 'inbound-rtp');
      const of = (kind) => stats.find((s) => s.kind === kind);
      if (of('audio')?.totalAudioEnergy > 0 && of('video')?.framesDecoded > 0)
        return { streams: streams.size, directions: pc.getTransceivers().map((r) => r.currentDirection) };
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return 'no sound, or no picture';
  }, `${host.url}/host/devices/av/video/whep`);
  assert.deepEqual(got, { streams: 1, directions: ['recvonly', 'recvonly'] });
});
