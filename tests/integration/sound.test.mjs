// Sound by a real PulseAudio: words that a program says on a sink are what comes out of the host; its server dies and
// returns; ALSA by its plugin.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { ok, refused } from './cli.mjs';
import { Host, Program, ROOT, scratch, until } from './harness.mjs';

const folder = scratch('tb-sound-');
const socket = path.join(folder, 'sound.sock');
const env = { PULSE_SERVER: `unix:${socket}`, PULSE_COOKIE: path.join(folder, 'cookie'), HOME: folder };
const HEAD = 44; // bytes of a WAV file before its samples
let pulse, host;

async function startPulse() {
  pulse = new Program(
    [
      'pulseaudio',
      ...['-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no'],
      ...['-L', `module-native-protocol-unix socket=${socket} auth-anonymous=1`],
      ...['-L', 'module-null-sink sink_name=room'],
    ],
    { name: 'pulseaudio', env: { HOME: folder, XDG_RUNTIME_DIR: folder } },
  );
  await until('the sound server', () => existsSync(socket) && pactl('info').status === 0);
}

const pactl = (...args) => spawnSync('pactl', args, { env: { ...process.env, ...env }, encoding: 'utf8' });

/** What espeak-ng makes of a text: a WAV file, and how loud each 50 ms of it are. */
function say(words) {
  const { stdout, status } = spawnSync('espeak-ng', ['--stdout', words], { maxBuffer: 1 << 24 });
  assert.equal(status, 0);
  const file = path.join(folder, 'words.wav');
  writeFileSync(file, stdout);
  return { file, loud: loudness(stdout.subarray(HEAD), stdout.readUInt32LE(24), 1) };
}

function loudness(bytes, rate, channels) {
  const n = Math.round(rate / 20) * channels;
  const out = [];
  for (let at = 0; at + 2 * n <= bytes.length; at += 2 * n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += bytes.readInt16LE(at + 2 * i) ** 2;
    out.push(Math.sqrt(sum / n));
  }
  return out;
}

/** How alike two courses of loudness are, wherever the second is in the first: 1 is the same. */
function likeness(long, short) {
  const one = (a, b) => {
    const mean = (v) => v.reduce((s, x) => s + x, 0) / v.length;
    const [ma, mb] = [mean(a), mean(b)];
    const sum = (f) => a.reduce((s, _, i) => s + f(a[i] - ma, b[i] - mb), 0);
    return sum((x, y) => x * y) / Math.sqrt(sum((x) => x * x) * sum((_, y) => y * y) || 1);
  };
  let best = -1;
  for (let at = 0; at + short.length <= long.length; at++)
    best = Math.max(best, one(long.slice(at, at + short.length), short));
  return best;
}

/** Plays the words on the sink while the host is listened to. */
async function hear(device, words) {
  const wav = host.get(`/host/devices/${device}/audio/stream.wav?seconds=3`, { ms: 30000 });
  await until('somebody listens', async () => (await state(device)).state === 'live', 20000);
  const player = new Program(['paplay', '-d', 'room', words.file], { name: 'paplay', env });
  const { status, body, headers } = await wav;
  await player.kill();
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'audio/wav');
  return body;
}

/** What aiortc, which is no browser, gets of a WHEP endpoint. */
function aiortc(target, ...kinds) {
  const { stdout, stderr, status } = spawnSync(
    '/usr/bin/python3', // Debian's, which has aiortc
    [path.join(ROOT, 'tests/integration/aiortc_whep.py'), host.url + target, ...kinds],
    { encoding: 'utf8', timeout: 60000 },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const state = async (device) => (await host.get(`/host/devices/${device}/audio`)).json;

before(async () => {
  await startPulse();
  const asound = path.join(folder, 'asound.conf');
  writeFileSync(asound, 'pcm.room { type pulse device "room.monitor" }\n');
  host = await Host.start(
    {
      devices: {
        room: { attach: `pulse:///room.monitor?server=unix:${socket}` },
        card: { attach: 'alsa:///room?rate=16000&channels=1' },
        away: { attach: `pulse:///nobody?server=unix:${socket}` },
        tone: { attach: 'testtone://?level=-20' },
        av: { attach: ['testpattern://?width=320&height=200', 'testtone://?level=-6'] },
        dumb: { attach: 'testpattern://?width=320&height=200' },
      },
    },
    { env: { ...env, ALSA_CONFIG_PATH: `/usr/share/alsa/alsa.conf:${asound}` } },
  );
});
after(async () => {
  await host?.stop();
  await pulse?.kill();
});

test('words on a sink come out of its monitor, as WAV, whole and in time', async () => {
  await host.state_is('room/audio');
  const words = say('The board says ready');
  const body = await hear('room', words);
  assert.equal(body.subarray(0, 4).toString(), 'RIFF');
  assert.deepEqual([body.readUInt16LE(22), body.readUInt32LE(24), body.readUInt16LE(34)], [2, 48000, 16]);
  assert.equal(body.length, HEAD + 3 * 48000 * 4);
  assert.equal(body.readUInt32LE(40), body.length - HEAD);
  assert.ok(likeness(loudness(body.subarray(HEAD), 48000, 2), words.loud) > 0.8);
});

test('the same by ALSA, in a format of its own', async () => {
  await host.state_is('card/audio');
  const words = say('one two three four');
  const body = await hear('card', words);
  assert.deepEqual([body.readUInt16LE(22), body.readUInt32LE(24)], [1, 16000]);
  assert.ok(likeness(loudness(body.subarray(HEAD), 16000, 1), words.loud) > 0.8);
});

test('a source that is muted says so, and is heard again', async () => {
  pactl('set-source-mute', 'room.monitor', '1');
  const wav = host.get('/host/devices/room/audio/stream.wav', { stream: true });
  await until('the reason', async () => /muted/.test((await state('room')).fault ?? ''));
  pactl('set-source-mute', 'room.monitor', '0');
  await until('sound', async () => (await state('room')).state === 'live');
  (await wav).stream.destroy();
});

test('a server that dies is waited for; who listens hears it again', async () => {
  const { json: before } = await host.get('/host/devices/room');
  assert.equal(before.state, 'ready');
  const wav = await host.get('/host/devices/room/audio/stream.wav', { stream: true });
  await until('sound', async () => (await state('room')).state === 'live');
  await pulse.kill();
  const gone = await host.state_is('room/audio', 'absent');
  assert.match(gone.reason, /no PulseAudio or PipeWire server answers/);
  await until('the reason', async () => /no PulseAudio/.test((await state('room')).fault ?? ''));
  await startPulse();
  await host.state_is('room/audio');
  await until('sound again', async () => (await state('room')).state === 'live', 20000);
  wav.stream.destroy();
  await until('nobody listens', async () => (await state('room')).state === 'idle');
});

test('what is not there says what there is; levels are samples of the device', async () => {
  const away = await host.state_is('away/audio', 'absent');
  assert.match(away.reason, /the sound server has no source "nobody"/);
  assert.deepEqual(Object.keys((await host.get('/host/devices/tone/sensors')).json), []);
  const wav = await host.get('/host/devices/tone/audio/stream.wav', { stream: true });
  const levels = await until('levels', async () => {
    const { json } = await host.get('/host/devices/tone/sensors');
    return json['audio.rms'] && json['audio.peak'] && json;
  });
  assert.equal(levels['audio.rms'].unit, 'dBFS');
  assert.ok(Math.abs(levels['audio.rms'].value + 23) < 0.5, `${levels['audio.rms'].value}`);
  assert.ok(Math.abs(levels['audio.peak'].value + 20) < 0.5);
  assert.ok(Math.abs(levels['audio.rms'].t - Date.now()) < 60000);
  const now = await state('tone');
  assert.deepEqual([now.rate, now.channels, now.state], [48000, 2, 'live']);
  assert.ok(Math.abs(now.level_dbfs + 23) < 0.5);
  wav.stream.destroy();
  const found = await until('the monitor among what was found', async () =>
    (await host.get('/host/resources')).json.find((r) => r.uri === 'pulse:///room.monitor'),
  );
  assert.match(found.why, /what is played on the sink room/);
});

test('aiortc hears it beside the picture, or alone; a device without sound answers with an inactive section', () => {
  const both = aiortc('/host/devices/av/video/whep', 'audio', 'video');
  assert.deepEqual(both.heard.video, { width: 320, height: 200 });
  assert.equal(both.heard.audio.rate, 48000);
  assert.ok(both.heard.audio.loudest > 10000, `${both.heard.audio.loudest} of 16422`);
  const alone = aiortc('/host/devices/tone/audio/whep', 'audio');
  assert.ok(alone.heard.audio.loudest > 1500);
  const dumb = aiortc('/host/devices/dumb/video/whep', 'audio', 'video');
  assert.deepEqual(dumb.heard.video, { width: 320, height: 200 });
  assert.deepEqual(dumb.sections[0].slice(0, 1).concat(dumb.sections[0][2]), ['audio', true]);
  assert.deepEqual(aiortc('/host/devices/av/video/whep', 'video').sections.length, 1);
});

test('testbed listen: a WAV file; a device without sound says so', async () => {
  const file = path.join(folder, 'tone.wav');
  assert.equal(await ok(host.url, ['listen', 'tone', '1s', '-o', file]), `${file}\n`);
  const bytes = readFileSync(file);
  assert.equal(bytes.length, HEAD + 48000 * 4);
  assert.ok(Math.abs(20 * Math.log10(loudness(bytes.subarray(HEAD), 48000, 2)[5] / 32768) + 23) < 0.5);
  await refused(host.url, ['listen', 'dumb', '1s'], 1, /has no audio; it has: video/);
  await refused(host.url, ['listen', 'tone', 'soon'], 2, /no time/);
});
