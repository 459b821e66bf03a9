// What is typed arrives, through every door (REST, WebSocket, the page's keyboard, VNC) and as tests/fixtures/typing
// says (which the drivers' own tests read, too). One host with a desktop; what arrives is told by programs that others
// wrote: a terminal that reads raw, and xev.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { deflateSync, inflateSync } from 'node:zlib';

import { KeyState } from '../../web/core/keys.js';
import { InputOutbox } from '../../web/core/outbox.js';
import { startXvfb } from './bench.mjs';
import { Host, Program, ROOT, assertProblem, forFile, freePort, scratch, until, websocket } from './harness.mjs';
import { Rfb } from './rfb-client.mjs';
import {
  CHARACTERS,
  KEYS,
  LACKS,
  LAYOUTS,
  TABLE,
  eventsOf,
  keysymOf,
  pageEvents,
  replayOf,
  strokes,
} from './typing.mjs';

const file = forFile();
const typed = path.join(scratch(), 'typed');
let host;
let vnc;
let display;
let xev;

const input = (events, device = 'desktop') => host.post(`/host/devices/${device}/input`, events);
/** The window under the pointer has the keyboard. */
const overTerminal = () => input([{ type: 'pointer', x: 100, y: 100 }]);
const overXev = () => input([{ type: 'pointer', x: 520, y: 100 }]);

before(async () => {
  const desktop = await startXvfb(file, { width: 640, height: 480 });
  display = desktop.display;
  const env = { DISPLAY: display };
  vnc = await freePort();
  writeFileSync(typed, '');
  const read = `stty raw -echo; echo ready >> ${typed}; exec cat >> ${typed}`;
  const show = ['-u8', '-xrm', '*waitForMap: true', '-geometry', '60x20+0+0', '-e', 'sh', '-c', read];
  const xterm = new Program(['xterm', ...show], { env });
  file.after(() => xterm.kill());
  const events = ['keyboard', 'button'].flatMap((kind) => ['-event', kind]);
  xev = new Program(['stdbuf', '-oL', 'xev', '-geometry', '150x150+450+20', ...events], { env });
  file.after(() => xev.kill());
  await until('the terminal', () => readFileSync(typed, 'utf8') === 'ready\n');
  writeFileSync(typed, '');
  host = await Host.start({
    vnc: { port: vnc },
    // the desktop once more, by the host's own VNC port
    devices: { desktop: { attach: desktop.uri }, mirror: { attach: `vnc://127.0.0.1:${vnc}` } },
  });
  file.after(() => host.stop());
  await host.state_is('desktop/input');
  await host.state_is('mirror/input', 'ready', 30000);
  await overTerminal();
});

/** What the terminal reads is `text`, and no more. */
async function expect(text, what) {
  const now = () => readFileSync(typed, 'utf8');
  await until(`${what}: ${JSON.stringify(text)}`, () => {
    const got = now();
    if (!text.startsWith(got) || got === text) return true;
    throw new Error(JSON.stringify(got));
  });
  assert.equal(now(), text, what);
  writeFileSync(typed, '');
}

/** A page's connection, with what it uses to send: a few commands under way at once. */
async function pageDoor(at = host, device = 'desktop') {
  const ws = await websocket(at.url, '/host/ws');
  const send = async (events) => {
    const answer = await ws.command(device, 'input.send', { events });
    if (!answer.ok) throw Object.assign(new Error(answer.error.detail), { status: answer.error.status });
  };
  const errors = [];
  const outbox = new InputOutbox({ send, atOnce: 16, onError: (error) => errors.push(error.message) });
  return { push: (events) => outbox.push(events), errors, close: () => ws.stop() };
}

function type(viewer, key, action) {
  if (action !== 'up') viewer.key(keysymOf(key), true);
  if (action !== 'down') viewer.key(keysymOf(key), false);
}

test('the table, by REST, by WebSocket and by VNC', async () => {
  const page = await pageDoor();
  const viewer = await Rfb.connect(vnc);
  for (const row of TABLE) {
    const events = eventsOf(row.keys);
    const answer = await input(events);
    if (row.refused) assertProblem(answer, 400, { detail: /NoSuchKey/ });
    else assert.equal(answer.status, 204, `${row.name}: ${answer.text}`);
    await expect(row.text, `REST: ${row.name}`);
    page.push(events);
    await expect(row.text, `WebSocket: ${row.name}`);
    if (row.refused) await until('the refusal', () => page.errors.length);
    assert.equal(page.errors.splice(0).length, row.refused ? 1 : 0, `WebSocket: ${row.name}`);
    for (const e of events)
      if (e.type === 'key') type(viewer, e.key, e.action);
      else for (const c of e.text.replace(/\r\n?/g, '\n')) type(viewer, c === '\n' ? 'Enter' : c);
    // a viewer has no texts: what it types with Control is a shortcut
    await expect(row.name === 'text with Control down' ? '\u0001\u0002' : row.text, `VNC: ${row.name}`);
  }
  const burst = 'Ab1!é'.repeat(200);
  for (const c of burst) type(viewer, c);
  await expect(burst, 'a burst by VNC');
  viewer.close();
  await page.close();
});

test('every character of us, de and fr viewers on us, de and fr desktops', async (t) => {
  t.after(() => execFileSync('setxkbmap', ['-display', display, 'us']));
  const page = await pageDoor();
  const viewer = await Rfb.connect(vnc);
  for (const target of Object.keys(LAYOUTS)) {
    execFileSync('setxkbmap', ['-display', display, target]);
    for (const [name, layout] of Object.entries(LAYOUTS)) {
      const all = strokes(layout);
      const text = all.map((s) => s.character).join('');
      for (const { character, held } of all) {
        held.forEach((key) => type(viewer, key, 'down'));
        type(viewer, character);
        held.toReversed().forEach((key) => type(viewer, key, 'up'));
      }
      await expect(text, `VNC, a ${name} viewer on ${target}`);
      const keys = new KeyState();
      page.push(all.flatMap((stroke) => pageEvents(keys, stroke)));
      await expect(text, `page, a ${name} browser on ${target}`);
    }
    for (const c of CHARACTERS) type(viewer, c);
    await expect(CHARACTERS.join(''), `VNC, bare keysyms on ${target}`);
    assert.equal((await input([{ type: 'text', text: CHARACTERS.join('') }])).status, 204);
    await expect(CHARACTERS.join(''), `text on ${target}`);
  }
  viewer.close();
  await page.close();
});

/** What xev tells of keys and buttons from now on: "+a", "-a", "+button 8". */
function watch() {
  const from = xev.out.items.length;
  const told = () => {
    const found = [];
    let kind;
    for (const line of xev.out.items.slice(from)) {
      kind = /^(Key|Button)(Press|Release) event/.exec(line)?.[2] ?? kind;
      const name = /\(keysym 0x[0-9a-f]+, (\S+)\)/.exec(line)?.[1] ?? /, (button \d+), same_screen/.exec(line)?.[1];
      if (name) found.push(`${kind === 'Press' ? '+' : '-'}${name}`);
    }
    return found;
  };
  return async (expected, what) => {
    await until(what, () => {
      if (told().length >= expected.length) return true;
      throw new Error(told().join(' '));
    });
    assert.deepEqual(told(), expected, what);
  };
}

test('keys that type nothing', async () => {
  await overXev();
  const viewer = await Rfb.connect(vnc);
  for (const [key, , name] of KEYS) {
    const seen = watch();
    const answer = await input([{ type: 'key', key }]);
    assert.equal(answer.status, 204, `${key}: ${answer.text}`);
    await seen([`+${name}`, `-${name}`], `REST: ${key}`);
  }
  for (const [key, number, name] of KEYS) {
    const seen = watch();
    viewer.key(number, true);
    viewer.key(number, false);
    await seen([`+${name}`, `-${name}`], `VNC: ${key}`);
  }
  viewer.close();
  await overTerminal();
});

/** A machine that has a layout, whose keys are traced, and its own VNC port. */
async function machine(layout) {
  const log = path.join(scratch(), 'keys');
  const args = ['-k', layout === 'us' ? 'en-us' : layout, '-d', 'trace:input_event_key_qcode', '-D', log];
  const attach = [{ driver: 'qemu', memory: 16, key_delay_ms: 0, args, snapshot: true }];
  return { log, device: { attach, vnc: await freePort() } };
}

test('us, de and fr viewers on machines of QEMU with such keyboards', async (t) => {
  t.after(() => execFileSync('setxkbmap', ['-display', display, 'us']));
  const machines = {};
  for (const layout of Object.keys(LAYOUTS)) machines[layout] = await machine(layout);
  const bench = await Host.start({
    devices: Object.fromEntries(Object.entries(machines).map(([layout, m]) => [layout, m.device])),
  });
  t.after(() => bench.stop());
  for (const [target, { log, device }] of Object.entries(machines)) {
    execFileSync('setxkbmap', ['-display', display, target]);
    const at = `/host/devices/${target}/input`;
    await until('the machine', async () => (await bench.post(at, [{ type: 'key', key: 'Shift' }])).status === 204);
    const viewer = await Rfb.connect(device.vnc);
    const page = await pageDoor(bench, target);
    const doors = {
      viewer(all) {
        for (const { character, held } of all) {
          held.forEach((key) => type(viewer, key, 'down'));
          type(viewer, character);
          held.toReversed().forEach((key) => type(viewer, key, 'up'));
        }
        type(viewer, 'F12');
      },
      browser(all) {
        const keys = new KeyState();
        page.push(all.flatMap((stroke) => pageEvents(keys, stroke)));
        page.push([{ type: 'key', key: 'F12' }]);
      },
    };
    for (const [name, layout] of Object.entries(LAYOUTS))
      for (const [door, typing] of Object.entries(doors)) {
        writeFileSync(log, '');
        const all = strokes(layout);
        typing(all);
        const what = `a ${name} ${door} on a machine with ${target}`;
        const words = await until(`the end of ${what}`, () => replayOf(readFileSync(log, 'utf8')));
        execFileSync('xdotool', words, { env: { ...process.env, DISPLAY: display } });
        const text = all.map((s) => s.character).filter((c) => !LACKS[target].test(c));
        await expect(text.join(''), what);
      }
    await page.close();
    const lacking = [...'é³'].find((c) => LACKS[target].test(c));
    if (lacking) {
      const { paths } = (await bench.get('/host/openapi.json')).json;
      assert.ok(paths['/host/devices/{id}/input'].post.responses[422], 'what it may answer is in OpenAPI');
      const answer = await bench.post(at, [{ type: 'text', text: `a${lacking}` }]);
      assertProblem(answer, 422, { detail: new RegExp(`${lacking} \\(U\\+`) });
    }
    viewer.close();
  }
});

const press = (number) => [`+button ${number}`, `-button ${number}`];

test('keys by place: of a viewer that says it, where the keysym says nothing', async (t) => {
  await overTerminal();
  const viewer = await Rfb.connect(vnc, { encodings: [0, -223, -258] });
  t.after(() => viewer.close());
  viewer.request(false);
  for (let rects = []; !rects.some((r) => r.encoding === -258); ) rects = await viewer.update();
  const press = (keysym, place) => [true, false].forEach((down) => viewer.place(keysym, place, down));
  press(0, 0x1e); /* KeyA */
  press(0x1fffffff, 0x02); /* a keysym without a name: Digit1 */
  viewer.place(0, 0x2a, true);
  press(0, 0x1e);
  viewer.place(0, 0x2a, false);
  press(keysymOf('ß'), 0x0c); /* what it is counts, not where */
  press(0, 0x7f); /* no key: costs only itself */
  press(keysymOf('z'), 0x15);
  await expect('a1Aßz', 'by place');
  const silent = await Rfb.connect(vnc); /* who did not ask for it types nothing by it, and stays */
  t.after(() => silent.close());
  [true, false].forEach((down) => silent.place(0, 0x1e, down));
  silent.request(false);
  await silent.update();
  press(keysymOf('y'), 0x2c);
  await expect('y', 'nothing of who did not ask');
});

// ---- the clipboard ----
const xclip = (args, options) =>
  execFileSync('xclip', ['-selection', 'clipboard', ...args], {
    env: { ...process.env, DISPLAY: display },
    stdio: ['pipe', args[0] === '-o' ? 'pipe' : 'ignore', 'inherit'],
    ...options,
  });
const copyThere = (text) => xclip(['-i'], { input: text });
const copiedThere = () => xclip(['-o']).toString();
const clipboard = (device, options) => host.get(`/host/devices/${device}/input/clipboard`, options);
const copy = (device, text, type = 'text/plain; charset=utf-8') =>
  host.put(`/host/devices/${device}/input/clipboard`, undefined, { body: text, headers: { 'Content-Type': type } });
const EXTENDED = { encodings: [0, -1063131698] };
const FLAGS = { CAPS: 1 << 24, REQUEST: 1 << 25, NOTIFY: 1 << 27, PROVIDE: 1 << 28, TEXT: 1 };

/** The next message of cut text: {text}, or {flags, more} of the extended one. */
async function cutText(viewer) {
  const head = await viewer.read(8);
  assert.equal(head[0], 3, 'ServerCutText');
  const length = head.readInt32BE(4);
  const body = await viewer.read(Math.abs(length));
  if (length >= 0) return { text: body.toString('latin1') };
  return { flags: body.readUInt32BE(0), more: body.subarray(4) };
}

function sayCut(viewer, body, flags) {
  const head = Buffer.alloc(flags === undefined ? 8 : 12);
  head[0] = 6;
  head.writeInt32BE(flags === undefined ? body.length : -(body.length + 4), 4);
  if (flags !== undefined) head.writeUInt32BE(flags >>> 0, 8);
  viewer.stream.write(Buffer.concat([head, body]));
}

test('the clipboard, from the device to REST and every viewer, and from each of them into it', async (t) => {
  const { CAPS, REQUEST, NOTIFY, PROVIDE, TEXT } = FLAGS;
  const plain = await Rfb.connect(vnc);
  const extended = await Rfb.connect(vnc, EXTENDED);
  t.after(() => (plain.close(), extended.close()));
  assert.ok((await cutText(extended)).flags & CAPS);
  sayCut(extended, Buffer.alloc(4), CAPS | REQUEST | NOTIFY | PROVIDE | TEXT);

  const words = 'Grüße, 中😀\nzwei';
  copyThere(words);
  assert.deepEqual(await cutText(plain), { text: 'Grüße, ??\nzwei' });
  assert.equal((await cutText(extended)).flags, NOTIFY | TEXT);
  sayCut(extended, Buffer.alloc(0), REQUEST | TEXT);
  const provided = await cutText(extended);
  assert.equal(provided.flags, PROVIDE | TEXT);
  assert.equal(inflateSync(provided.more).subarray(4).toString(), `${words.replace('\n', '\r\n')}\0`);
  const shown = await clipboard('desktop');
  assert.deepEqual([shown.status, shown.text], [200, words]);
  assert.equal(shown.headers['content-type'], 'text/plain; charset=utf-8');
  await until('the mirror', async () => (await clipboard('mirror')).text === 'Grüße, ??\nzwei');

  const given = Buffer.from('von 中\r\nhier\0');
  const size = Buffer.alloc(4);
  size.writeUInt32BE(given.length);
  sayCut(extended, deflateSync(Buffer.concat([size, given])), PROVIDE | TEXT); /* a complete stream */
  assert.deepEqual(await cutText(plain), { text: 'von ?\nhier' });
  assert.equal(copiedThere(), 'von 中\nhier');
  assert.equal((await clipboard('desktop')).text, 'von 中\nhier');
  sayCut(plain, Buffer.from('Stück', 'latin1'));
  assert.equal((await cutText(extended)).flags, NOTIFY | TEXT, 'not what it gave itself');
  assert.equal(copiedThere(), 'Stück');

  assert.equal((await copy('mirror', 'über den Spiegel')).status, 204);
  await until('the mirror', () => copiedThere() === 'über den Spiegel');
  assertProblem(await copy('mirror', 'a中'), 422, { detail: /Latin-1, which has no 中/, field: 'text' });
  assertProblem(await copy('desktop', Buffer.from([0x61, 0xff])), 400, { detail: /UTF-8/ });
  assertProblem(await copy('desktop', 'a\0b'), 400, { detail: /NUL/ });
  assertProblem(await copy('desktop', 'a', 'application/json'), 415);
  assertProblem(await copy('desktop', 'a'.repeat(256 * 1024 + 1)), 413);
  const long = 'é'.repeat(128 * 1024); /* in parts (INCR), as long as any may be */
  assert.equal((await copy('desktop', long)).status, 204);
  assert.equal(copiedThere(), long);
  copyThere(`${long}.`); /* one byte more */
  copyThere(long.slice(1));
  await until('the next one', async () => (await clipboard('desktop')).text === long.slice(1));
});

test('the clipboard is for who may type', async (t) => {
  const viewer = await Rfb.connect(vnc);
  t.after(() => viewer.close());
  const lease = (await host.post('/host/devices/desktop/lease', { ttl_s: 60 })).json.lease;
  const held = { headers: { 'X-Lease': lease } };
  t.after(() => host.delete('/host/devices/desktop/lease', held));
  const events = await host.sse('/host/events?type=input.clipboard');
  t.after(() => events.stop());
  copyThere('a secret');
  await until('the holder', async () => (await clipboard('desktop', held)).text === 'a secret');
  await events.find((e) => e.data.device === 'desktop'); // viewers are told with it, at most every CLIPBOARD_MS
  assertProblem(await clipboard('desktop'), 423);
  assertProblem(await copy('desktop', 'x'), 423);
  sayCut(viewer, Buffer.from('refused'));
  await host.delete('/host/devices/desktop/lease', held);
  copyThere('for all');
  assert.deepEqual(await cutText(viewer), { text: 'for all' });
  assert.equal(copiedThere(), 'for all');
});

test('CLIPBOARD_MS: of who copies without end there is a word every 100 ms at most, and the last one counts', async (t) => {
  const viewer = await Rfb.connect(vnc);
  const page = await websocket(host.url, '/host/ws');
  t.after(() => (viewer.close(), page.stop()));
  const from = performance.now();
  for (let i = 1; i <= 150; i++) assert.ok((await page.command('desktop', 'input.copy', { text: `text ${i}` })).ok);
  let words = 0;
  let last;
  do [last, words] = [await cutText(viewer), words + 1];
  while (last.text !== 'text 150');
  const most = (performance.now() - from) / 100 + 1;
  assert.ok(words <= most && words < 150, `${words} words, ${most} at most`);
  assert.equal(copiedThere(), 'text 150');
});

test('buttons one to nine, and a burst of the wheel', async () => {
  await overXev();
  const viewer = await Rfb.connect(vnc, { encodings: [0, -223, -316] });
  viewer.request();
  await viewer.update();
  assert.ok(viewer.extendedButtons, 'the host says that it knows a ninth button');
  for (let number = 1; number <= 9; number++) {
    const seen = watch();
    viewer.pointer(520, 100, 1 << (number - 1));
    viewer.pointer(520, 100, 0);
    await seen(press(number), `VNC: button ${number}`);
  }
  const old = await Rfb.connect(vnc);
  const eighth = watch();
  old.pointer(520, 100, 128);
  old.pointer(520, 100, 0);
  await eighth(press(8), 'a viewer that knows eight buttons');
  old.close();
  const MASKS = { 1: 1, 2: 4, 3: 2, 8: 8, 9: 16 }; // X's number: MouseEvent.buttons
  for (const device of ['desktop', 'mirror'])
    for (const [number, buttons] of Object.entries(MASKS)) {
      const seen = watch();
      for (const b of [buttons, 0]) {
        const answer = await input([{ type: 'pointer', x: 520, y: 100, buttons: b }], device);
        assert.equal(answer.status, 204, `${device}, ${number}: ${answer.text}`);
      }
      await seen(press(number), `REST, ${device}: button ${number}`);
    }
  const burst = watch();
  for (let i = 0; i < 300; i++) {
    viewer.pointer(520, 100, 16);
    viewer.pointer(520, 100, 0);
  }
  await burst(Array(300).fill(press(5)).flat(), '300 clicks of a wheel');
  viewer.close();
  await overTerminal();
});

test('whatever ends a connection, nothing stays down', async () => {
  await overXev();
  const down = watch();
  const ws = await websocket(host.url, '/host/ws');
  await ws.command('desktop', 'input.send', { events: eventsOf('+Shift +F1') });
  await ws.command('desktop', 'input.send', { events: [{ type: 'pointer', x: 520, y: 100, buttons: 1 }] });
  await down(['+Shift_L', '+F1', '+button 1'], 'a page holds');
  const up = watch();
  ws.ws.terminate();
  await up(['-F1', '-Shift_L', '-button 1'], 'its connection was cut');

  // a browser that was killed behind a data channel, a line that broke: the connection is there, and says nothing
  const silent = await websocket(host.url, '/host/ws');
  const kept = watch();
  silent.send({ type: 'ping', hold: 500 });
  await silent.command('desktop', 'input.send', { events: eventsOf('+Shift') });
  await kept(['+Shift_L', '-Shift_L'], 'a page that said so is silent');
  await silent.stop();

  const viewer = await Rfb.connect(vnc);
  const held = watch();
  viewer.key(keysymOf('Control'), true);
  viewer.pointer(520, 100, 4);
  await held(['+Control_L', '+button 3'], 'a viewer holds');
  const letGo = watch();
  viewer.stream.destroy();
  await letGo(['-Control_L', '-button 3'], 'it was killed');

  const script = watch();
  await input(eventsOf('+Alt'));
  await script(['+Alt_L', '-Alt_L'], 'a call by REST that nothing follows');

  const loser = await websocket(host.url, '/host/ws');
  const before = watch();
  await loser.command('desktop', 'input.send', { events: eventsOf('+Super_L') });
  await before(['+Super_L'], 'held without a lease');
  const taken = watch();
  const lease = await host.post('/host/devices/desktop/lease', { ttl_s: 60 });
  assert.equal(lease.status, 200, lease.text);
  await taken(['-Super_L'], 'somebody took the lease');
  await host.delete(`/host/devices/desktop/lease`, { headers: { 'X-Lease': lease.json.lease } });
  await loser.stop();
  await overTerminal();
});
