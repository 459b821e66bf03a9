// What people type at us, de and fr keyboards, on us, de and fr targets: how many of the characters arrive as those
// characters, by VNC and by the page's keyboard, on an X display (beside x11vnc and x0vncserver on the same one, in
// turns) and on machines of QEMU, which have only the keys of their layout. Every character is followed by Return, so
// that one that is lost or doubled costs only itself. A raw terminal tells what arrived.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { KeyState } from '../../web/core/keys.js';
import { InputOutbox } from '../../web/core/outbox.js';
import { websocket } from '../integration/harness.mjs';
import { Rfb } from '../integration/rfb-client.mjs';
import { LACKS, LAYOUTS, keysymOf, pageEvents, replayOf, strokes } from '../integration/typing.mjs';
import { folder, freePort, host, run, sleep, stop, until, version, xvfb } from './lib.mjs';

// between characters of a viewer: quick fingers, not a flood
const PAUSE_MS = Number(process.env.TB_KEYS_PAUSE_MS || 4);

async function byViewer(viewer, all, pause = PAUSE_MS) {
  for (const { character, held } of all) {
    for (const key of held) viewer.key(keysymOf(key), true);
    for (const key of [character, 'Enter']) {
      if (key === 'Enter') for (const up of held.toReversed()) viewer.key(keysymOf(up), false);
      viewer.key(keysymOf(key), true);
      viewer.key(keysymOf(key), false);
    }
    if (pause) await sleep(pause); // lint: tests - the typist's own pace
  }
}

const ENTER = { key: 'Enter', code: 'Enter', getModifierState: () => false };

/** What a page sends, on a WebSocket of the host. */
async function byPage(url, device, all) {
  const ws = await websocket(url, '/host/ws');
  const send = async (events) => {
    const answer = await ws.command(device, 'input.send', { events });
    if (!answer.ok) throw Object.assign(new Error(answer.error.detail), { status: answer.error.status });
  };
  const outbox = new InputOutbox({ send, atOnce: 16, onError: () => {} });
  const keys = new KeyState();
  for (const stroke of all)
    outbox.push([...pageEvents(keys, stroke), ...keys.down(ENTER).events, ...keys.up(ENTER).events]);
  return () => ws.stop();
}

/** A terminal that reads raw. */
async function terminal(display) {
  const typed = join(folder('keys'), 'typed');
  writeFileSync(typed, '');
  const script = `stty raw -echo; echo ready >> ${typed}; exec cat >> ${typed}`;
  run(['xterm', '-u8', '-geometry', '60x20+0+0', '-e', 'sh', '-c', script], { env: { DISPLAY: display } });
  await until('the terminal', () => readFileSync(typed, 'utf8') === 'ready\n');
  execFileSync('xdotool', ['mousemove', '100', '100'], { env: { ...process.env, DISPLAY: display } });
  return {
    forget: () => writeFileSync(typed, ''),
    /** How many of them arrived: when all lines are there, or nothing has come for two seconds. */
    async count(all) {
      let last = '';
      let since = Date.now();
      for (;;) {
        const now = readFileSync(typed, 'utf8');
        if (now !== last) [last, since] = [now, Date.now()];
        if (now.split('\r').length > all.length || Date.now() - since > 2000) break;
        await sleep(30); // lint: tests - the pause between two looks
      }
      const got = last.split('\r');
      return all.filter(({ character }, i) => got[i] === character).length;
    },
  };
}

const PAIRS = Object.keys(LAYOUTS).flatMap((target) => Object.keys(LAYOUTS).map((name) => ({ target, name })));

const add = (sums, key, right, of) => {
  sums[key] ??= { right: 0, of: 0, perfect: 0 };
  sums[key].right += right;
  sums[key].of += of;
  sums[key].perfect += right === of;
};
const show = (s) => `${s.right} of ${s.of} (${s.perfect} of ${PAIRS.length} pairs whole)`;

async function peers(display) {
  const ports = { x11vnc: await freePort(), x0vncserver: await freePort() };
  const quiet = ['-localhost', '-forever', '-shared', '-nopw', '-quiet', '-no6', '-noxrecord'];
  const x11vnc = run(['x11vnc', '-display', display, '-rfbport', String(ports.x11vnc), ...quiet]);
  await until('x11vnc', () => /PORT=\d+/.test(x11vnc.text));
  run(['x0vncserver', '-display', display, '-rfbport', String(ports.x0vncserver), '-SecurityTypes', 'None']);
  await until('x0vncserver', () =>
    Rfb.connect(ports.x0vncserver).then(
      (viewer) => (viewer.close(), true),
      () => false,
    ),
  );
  return ports;
}

async function onDisplay(x, screen) {
  const port = await freePort();
  const h = await host({ desktop: { attach: `x11://${x.display}` } }, { config: { vnc: { port, device: 'desktop' } } });
  await until(
    'the desktop',
    async () => (await (await fetch(`${h.url}/host/devices/desktop`)).json()).state === 'ready',
  );
  const doors = { ours: port, ...(await peers(x.display)) };
  const sums = {};
  for (const { target, name } of PAIRS) {
    const all = strokes(LAYOUTS[name]);
    for (const [door, at] of Object.entries(doors)) {
      execFileSync('setxkbmap', ['-display', x.display, target]); // also undoes what another one has lent
      screen.forget();
      const viewer = await Rfb.connect(at);
      await byViewer(viewer, all);
      add(sums, door, await screen.count(all), all.length);
      viewer.close();
    }
    screen.forget();
    const close = await byPage(h.url, 'desktop', all);
    add(sums, 'page', await screen.count(all), all.length);
    await close();
    console.error(
      `  a ${name} viewer on ${target}: ${Object.entries(sums)
        .map(([d, s]) => `${d} ${s.right}/${s.of}`)
        .join(', ')}`,
    );
  }
  await stop(h.process);
  return sums;
}

async function onMachines(x, screen) {
  const machines = {};
  for (const layout of Object.keys(LAYOUTS)) {
    const log = join(folder('keys'), 'log');
    const args = ['-k', layout === 'us' ? 'en-us' : layout, '-d', 'trace:input_event_key_qcode', '-D', log];
    const attach = [{ driver: 'qemu', memory: 16, key_delay_ms: 0, args, snapshot: true }];
    machines[layout] = { log, device: { attach, vnc: await freePort() } };
  }
  const devices = Object.fromEntries(Object.entries(machines).map(([name, m]) => [name, m.device]));
  const h = await host(devices);
  const sums = {};
  const press = (target, key) =>
    fetch(`${h.url}/host/devices/${target}/input`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify([{ type: 'key', key }]),
    });
  for (const { target, name } of PAIRS) {
    const { log, device } = machines[target];
    const all = strokes(LAYOUTS[name]).filter(({ character }) => !LACKS[target].test(character));
    execFileSync('setxkbmap', ['-display', x.display, target]);
    await until('the machine', async () => (await press(target, 'Shift')).status === 204);
    for (const door of ['ours', 'page']) {
      writeFileSync(log, '');
      let close;
      if (door === 'ours') {
        const viewer = await Rfb.connect(device.vnc);
        await byViewer(viewer, all, 0);
        viewer.key(keysymOf('F12'), true);
        viewer.key(keysymOf('F12'), false);
        close = () => viewer.close();
      } else {
        close = await byPage(h.url, target, all);
        await until('all of it', () => readFileSync(log, 'utf8').split('qcode ret, down 0').length > all.length, 60);
        await press(target, 'F12');
      }
      const words = await until('the end', () => replayOf(readFileSync(log, 'utf8')), 60);
      await close();
      screen.forget();
      execFileSync('xdotool', words, { env: { ...process.env, DISPLAY: x.display } });
      add(sums, door, await screen.count(all), all.length);
    }
    console.error(`  a ${name} viewer on QEMU ${target}: VNC ${show(sums.ours)}, page ${show(sums.page)}`);
  }
  return sums;
}

export default async function bench() {
  const x = await xvfb('640x480x24');
  const screen = await terminal(x.display);
  const display = await onDisplay(x, screen);
  const machine = await onMachines(x, screen);
  const row = (what, sum, peer = '') => ({
    what,
    ours: show(sum),
    peer,
    target: 'all that the target can bear',
    met: sum.right === sum.of,
    rounds: 1,
  });
  const others =
    `x11vnc ${version('x11vnc')}: ${show(display.x11vnc)}; ` +
    `x0vncserver ${version('tigervnc-scraping-server')}: ${show(display.x0vncserver)}`;
  return [
    row('keys of us, de, fr viewers on us, de, fr targets: X11 by VNC', display.ours, others),
    row('… X11 by the page', display.page),
    row("… QEMU by VNC, of what the target's layout bears", machine.ours),
    row('… QEMU by the page', machine.page),
  ];
}
