// Calls in Chromium with fake camera and microphone: it rings, two see and hear each other, mute, show a screen, write,
// raise a hand, lose the server and each other and come back, a guest by link, a bench device with control by consent;
// a recording by consent, through a server that was killed and a page that was closed, decoded by ffmpeg.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { forFile, scratch, until, withHost } from '../integration/harness.mjs';
import { Server } from '../integration/server-harness.mjs';
import { assertQuiet, openPage, startBrowser } from './browser.mjs';

const file = forFile();
const state = scratch('tb-call-e2e-');
const way = { state, env: { TESTBED_RECORDINGS_KEY: randomBytes(32).toString('base64') } };
let server;
let browser;

before(async () => {
  server = await Server.start({ port: 0 }, way);
  file.after(() => server.stop());
  await withHost(file, {
    name: 'lab-1',
    server: { url: server.url },
    devices: { board: { attach: ['testpattern://?width=320&height=240&fps=15', 'testtone://'] } },
  });
  browser = await startBrowser(file, undefined, ['--auto-select-tab-capture-source-by-title=Call']);
});

/** Somebody on a page of this server, by a name that he has said before. */
const person = (t, name, path, more = {}) =>
  openPage(t, browser, `${server.url}${path}`, {
    permissions: ['camera', 'microphone'],
    spy: true,
    init: `localStorage.setItem('testbed.call-name', ${JSON.stringify(JSON.stringify(name))})`,
    ...more,
  });
const comesIn = async (page, name) => {
  await page.locator('#lobby-video[aria-pressed="true"]').waitFor();
  if (name) await page.locator('#call-name').fill(name);
  await page.locator('#enter').click();
  await page.locator('.call-tile.own').waitFor();
};
const tile = (page, user) => page.locator(`.call-tile[data-user="${user}"]`);

/** Runs in a page: frames and audio energy that its newest connection has received. */
async function received() {
  const pc = window.peers.findLast((p) => p.connectionState === 'connected');
  const all = [...((await pc?.getStats()) ?? new Map()).values()].filter((s) => s.type === 'inbound-rtp');
  const of = (kind) => all.find((s) => s.kind === kind) ?? {};
  return { frames: of('video').framesDecoded ?? 0, energy: of('audio').totalAudioEnergy ?? 0 };
}
const plays = async (page, what = 'frames') => {
  const from = (await page.evaluate(received))[what];
  await until(`more ${what}`, async () => (await page.evaluate(received))[what] > from, 20000);
};

test('two people: ring, answer, see, hear, mute, hand, chat, screen, a guest, a lost server, the end', async (t) => {
  const bert = await person(t, 'bert', '/wall');
  const anna = await person(t, 'anna', '/call');
  await anna.locator('#call-to').fill('bert');
  await anna.locator('#call-video').click();
  await anna.locator('#enter').waitFor();
  await bert.locator('.ring', { hasText: 'anna is calling' }).waitFor();
  await comesIn(anna);
  await anna.locator('#call-state', { hasText: 'It rings for bert' }).waitFor();
  await bert.locator('.ring').getByText('Answer').click();
  await comesIn(bert);
  for (const [page, user] of [
    [anna, 'bert'],
    [bert, 'anna'],
  ]) {
    await page.locator(`.call-tile[data-user="${user}"][data-line="connected"]`).waitFor();
    await plays(page, 'frames');
    await plays(page, 'energy');
  }
  await anna.locator('.call-tile.speaks').first().waitFor(); // the fake microphone beeps

  await bert.keyboard.press('m');
  await tile(anna, 'bert').locator('.call-sign:not([hidden])').waitFor();
  await bert.locator('#mic[aria-pressed="false"]').waitFor();
  await bert.locator('#hand').click();
  await tile(anna, 'bert').locator('.hand:not([hidden])').waitFor();
  await bert.locator('#camera').click();
  await tile(anna, 'bert').locator('.call-mark:not([hidden])').waitFor();
  await bert.locator('#camera').click();
  await tile(anna, 'bert').locator('video:not(.off)').waitFor();
  await plays(anna, 'frames');
  await bert.locator('#low').click();
  await until('small pictures', () =>
    anna.evaluate(() =>
      window.peers
        .at(-1)
        .getSenders()
        .some((s) => s.track?.kind === 'video' && s.getParameters().encodings[0]?.maxBitrate === 150000),
    ),
  );
  await bert.locator('#chat-open').click();
  await bert.locator('#chat-text').fill('Do you <b>see</b> it?');
  await bert.keyboard.press('Enter');
  await anna.locator('#chat-open', { hasText: 'Chat (1)' }).waitFor();
  await anna.locator('#chat-open').click();
  await anna.locator('.call-chat .talk', { hasText: 'Do you <b>see</b> it?' }).waitFor();

  await anna.locator('#screen').click();
  await bert.locator('.call-tile.screen[data-user="anna"]').waitFor();
  await plays(bert, 'frames');
  await anna.locator('#screen').click();
  await bert.locator('.call-tile[data-user="anna"]:not(.screen)').waitFor();

  // somebody without an account
  await anna.locator('#guests').click();
  await anna.locator('#guest-link').click();
  const link = await anna.locator('dialog .linkbox input').inputValue();
  await anna.getByRole('button', { name: 'Done' }).click();
  const gitte = await openPage(t, browser, link, {
    permissions: ['camera', 'microphone'],
    spy: true,
    phone: true,
    viewport: { width: 390, height: 844 },
  });
  assert.doesNotMatch(gitte.url(), /guest=/, 'the token does not stay in the address');
  await comesIn(gitte, 'Gitte');
  await anna.locator('.call-tile', { hasText: 'Gitte (guest)' }).waitFor();
  await until(
    'three in a mesh',
    () =>
      gitte
        .locator('.call-tile[data-line="connected"]')
        .count()
        .then((n) => n === 2),
    30000,
  );
  await plays(gitte, 'frames');
  await gitte.locator('#leave').click();
  await anna.locator('.call-tile', { hasText: 'Gitte' }).waitFor({ state: 'detached' });

  // the server goes and comes back: pictures go on meanwhile, and nobody has left
  const { port } = new URL(server.url);
  await server.program.kill();
  await anna.locator('#call-state', { hasText: 'server does not answer' }).waitFor();
  await plays(anna, 'frames');
  server = await Server.start({ port: Number(port) }, way);
  await anna.locator('#call-state', { hasText: '2 people' }).waitFor();
  // tries that met nobody are Chromium's to tell
  anna.problems = anna.problems.filter((p) => !p.includes('/ws') || !p.includes('ERR_CONNECTION_REFUSED'));
  await bert.locator('#hand').click();
  await tile(anna, 'bert').locator('.hand').waitFor({ state: 'hidden' });

  // the way between them is lost, and found again by an ICE restart
  await anna.evaluate(() => {
    const pc = window.peers.findLast((p) => p.connectionState === 'connected');
    window.before = pc.remoteDescription.sdp.match(/a=ice-ufrag:(\S+)/)[1];
    pc.restartIce();
  });
  await until('another ufrag', () =>
    anna.evaluate(() => window.peers.at(-1).remoteDescription.sdp.match(/a=ice-ufrag:(\S+)/)[1] !== window.before),
  );
  await plays(anna, 'frames');
  // a page that is loaded again is who it was
  await bert.reload();
  await comesIn(bert);
  await bert.locator('.call-tile[data-user="anna"][data-line="connected"]').waitFor();
  await plays(bert, 'frames');

  await bert.locator('#leave').click();
  await anna.locator('#call-state', { hasText: 'Nobody else is here' }).waitFor();
  await anna.locator('#leave').click();
  await anna.locator('#again').waitFor();
  await bert.goto(`${server.url}/call`);
  await bert.locator('.list li', { hasText: 'anna' }).waitFor();
  assertQuiet(anna);
});

test('a bench device beside the people: seen by all, control asked for and granted', async (t) => {
  await until('the device', async () => (await server.get('/api/devices')).text.includes('lab-1/board'), 30000);
  const made = await server.post('/webrtc/calls', { calleeId: 'dora', callerId: 'carl' });
  const at = `/call?id=${made.json.id}`;
  const [carl, dora] = [await person(t, 'carl', at), await person(t, 'dora', at)];
  await comesIn(carl);
  await comesIn(dora);
  await carl.locator('#bench').click();
  await carl.locator('#bench-device').waitFor();
  await carl.getByRole('button', { name: 'Bring it' }).click();
  for (const page of [carl, dora]) {
    await page.locator('.call-tile.bench video:not([hidden])').waitFor();
    await until('its picture', () => page.locator('.call-tile.bench video').evaluate((v) => v.videoWidth === 320));
  }
  await dora.getByRole('button', { name: 'Ask for control' }).click();
  await carl.locator('#control-grant').click();
  const [opened] = await Promise.all([dora.context().waitForEvent('page'), dora.locator('#control-open').click()]);
  await opened.locator('video, canvas').first().waitFor();
  const ofCalls = async () => (await server.get('/api/session')).json.filter((s) => /^Call/.test(s.note ?? ''));
  const kept = await ofCalls();
  assert.deepEqual(kept.map((s) => s.mode).sort(), ['control', 'view']);
  await carl.locator('#leave').click();
  await dora.locator('.call-tile.bench').waitFor({ state: 'detached' });
  await until('its links to end', async () => (await ofCalls()).length === 0);
  assertQuiet(carl);
});

/** What ffmpeg makes of a track: frames, how long it is, whether it said anything. */
function decoded(bytes) {
  const film = path.join(scratch('tb-take-'), 'take.webm');
  writeFileSync(film, bytes);
  const entries = ['-show_entries', 'packet=pts_time', '-of', 'csv=p=0'];
  const packets = spawnSync('ffprobe', ['-v', 'error', ...entries, film], { maxBuffer: 1 << 26 });
  const times = `${packets.stdout}`.trim().split('\n').map(Number);
  const all = spawnSync('ffmpeg', ['-v', 'error', '-i', film, '-f', 'framemd5', '-map', '0', '-'], {
    maxBuffer: 1 << 26,
  });
  const frames = `${all.stdout}`.split('\n').filter((line) => /^0,/.test(line));
  return {
    frames: frames.length,
    said: `${packets.stderr}${all.stderr}`,
    length: Math.max(...times) - Math.min(...times),
  };
}

test('a recording: all are asked, a killed server and a closed page lose nothing, it is decoded and played in step', async (t) => {
  const made = await server.post('/webrtc/calls', { calleeId: 'edda', callerId: 'fred' });
  const at = `/call?id=${made.json.id}`;
  const api = `/webrtc/calls/${made.json.id}/recordings`;
  const [edda, fred] = [await person(t, 'edda', at), await person(t, 'fred', at)];
  await comesIn(fred);
  await comesIn(edda);
  await fred.locator('#record').click();
  await fred.locator('#record-ask').click();
  await edda.getByRole('dialog').getByText('fred asks to record this call').waitFor();
  await edda.keyboard.press('Tab');
  await edda.locator('#record-no').click();
  await fred.getByText('Somebody does not agree to be recorded').first().waitFor();

  await fred.locator('#record').click();
  await fred.locator('#record-ask').click();
  await edda.locator('#record-yes').click();
  for (const page of [fred, edda]) await page.locator('#recording', { hasText: 'Recording, by fred' }).waitFor();
  const { id } = (await server.get(api)).json.recordings[0];
  const tracks = async () => (await server.get(`${api}/${id}`)).json.tracks;
  const of = async (user) => (await tracks()).filter((track) => track.userId === user);
  await until('chunks of both', async () => (await tracks()).filter((track) => track.received > 0).length === 2, 30000);

  // the server is away: what is recorded meanwhile waits in the browser
  const { port } = new URL(server.url);
  await server.program.kill();
  const waiting = () =>
    fred.evaluate(
      () =>
        new Promise((resolve) => {
          indexedDB.open('testbed-recordings').onsuccess = ({ target: { result: db } }) => {
            db.transaction('chunks').objectStore('chunks').count().onsuccess = (e) => {
              db.close();
              resolve(e.target.result);
            };
          };
        }),
    );
  await until('chunks that wait', async () => (await waiting()) >= 2, 30000);
  server = await Server.start({ port: Number(port) }, way);
  await until('none that waits', async () => (await waiting()) <= 1, 60000);

  // a page that is closed: what it had is sent by the next one, which is in the recording again
  await edda.reload();
  await comesIn(edda);
  await edda.locator('#recording', { hasText: 'Recording, by fred' }).waitFor();
  await until(
    'both tracks of edda',
    async () => {
      const own = await of('edda');
      return own.length === 2 && own[0].complete && own[1].received > 0;
    },
    60000,
  );
  await fred.locator('#record', { hasText: 'Stop recording' }).click();
  for (const page of [fred, edda]) await page.locator('#recording').waitFor({ state: 'hidden' });
  await until('all of it', async () => (await server.get(api)).json.recordings[0].status === 'completed', 60000);

  const one = (await server.get(`${api}/${id}`)).json;
  assert.deepEqual(
    one.people.map((p) => [p.userId, p.answer, p.method]),
    [
      ['edda', 'agreed', 'electronic'],
      ['fred', 'agreed', 'electronic'],
    ],
  );
  const closed = one.tracks.find((track) => track.userId === 'edda'); // its last chunk ends where the page did
  const reach = {};
  for (const track of one.tracks) {
    assert.ok(track.complete, JSON.stringify(track));
    const film = decoded((await server.get(track.url)).body);
    assert.match(film.said, track === closed ? /^(.*File ended prematurely.*\n)*$/ : /^$/);
    assert.ok(film.frames > 0, `${track.track}: ${film.frames} frames`);
    reach[track.userId] = track.offsetMs / 1000 + film.length;
  }
  // each one's last track reaches to the end (a picture that a poor line costs is another track without it)
  for (const user of ['edda', 'fred'])
    assert.ok(reach[user] > one.duration * 0.7, `${user}: ${reach[user]} s of ${one.duration} s`);

  for (const page of [edda, fred]) await page.locator('#leave').click();
  await fred.goto(`${server.url}/call`);
  await fred.locator('.list li', { hasText: 'edda' }).getByRole('button', { name: 'Recordings' }).first().click();
  await fred.locator('#recordings').getByRole('button', { name: 'Play' }).first().click();
  await fred.locator('#play-all').click();
  const places = () =>
    fred.evaluate(() => [...document.querySelectorAll('.call-played video')].map((v) => [v.currentTime, v.paused]));
  await until('it plays', async () => (await places()).filter(([at]) => at > 1.5).length >= 2, 30000);
  const fair = one.tracks.map((track) => track.offsetMs / 1000);
  await until(
    'in step',
    async () => {
      const clocks = (await places())
        .map(([at, paused], i) => (paused ? null : at + fair[i]))
        .filter((c) => c !== null);
      return clocks.length >= 2 && Math.max(...clocks) - Math.min(...clocks) < 0.3;
    },
    15000,
  );
});
