// A rule: from a pattern that a console has printed to the action done, both as a client of the consoles sees them.
// Beside it what one does without rules: a script that waits by REST (expect) and then writes.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { host, percentile, sleep, until } from './lib.mjs';

const { WebSocket } = createRequire(fileURLToPath(new URL('../package.json', import.meta.url)))('ws');
const ROUNDS = 200;
const cat = { attach: { console: { driver: 'exec', console: ['cat'], pty: false } } };

/** A console, its bytes as text with the time when each came. */
async function open(url, device) {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/host/devices/${device}/console`);
  const waiting = [];
  let seen = '';
  ws.on('message', (data) => {
    const now = performance.now();
    seen += data.toString();
    for (const w of waiting.splice(0)) {
      if (seen.includes(w.word)) w.done(now);
      else waiting.push(w);
    }
  });
  await new Promise((done) => ws.on('open', done));
  return {
    ws,
    say: (text) => ws.send(Buffer.from(text)),
    came: (word) => new Promise((done) => waiting.push({ word, done })),
  };
}

async function rounds(board, out, tag, begin = null) {
  const ms = [];
  for (let i = 0; i < ROUNDS; i++) {
    const word = `${tag} ${i};`;
    if (begin) {
      begin(i);
      await sleep(30); // lint: tests - the script's question is with the host
    }
    const printed = board.came(word);
    const before = out.count();
    board.say(`${word}\n`);
    const at = await printed;
    ms.push((await out.next(before)) - at);
  }
  return ms;
}

/** Counts what the rule has done. */
function counted(console_) {
  let n = 0;
  let last = 0;
  let wake = () => {};
  console_.ws.on('message', (data) => {
    last = performance.now();
    n += data.toString().split('done\n').length - 1;
    wake();
  });
  return {
    ...console_,
    count: () => n,
    next: (from) =>
      new Promise((done) => {
        wake = () => n > from && done(last);
        wake();
      }),
  };
}

export default async function bench() {
  const h = await host({ board: cat, out: cat });
  await until('the consoles', async () =>
    (await (await fetch(`${h.url}/host/devices`)).json()).every((d) => d.state === 'ready'),
  );
  const post = (path, json) =>
    fetch(`${h.url}/host/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(json),
    });
  const board = await open(h.url, 'board');
  const out = counted(await open(h.url, 'out'));
  const made = await post('rules', {
    name: 'r',
    device: 'board',
    when: { console: 'rule \\d+;' },
    then: [{ verb: 'console.write', device: 'out', params: { text: 'done\n' } }],
    cooldown_s: 0,
    per_hour: 3600,
  });
  if (made.status !== 201) throw new Error(await made.text());
  const ours = await rounds(board, out, 'rule');
  const peer = await rounds(board, out, 'script', () => {
    post('devices/board/console/expect', { pattern: 'script \\d+;', timeout_s: 20 }).then(async (answer) => {
      if (answer.status !== 200) throw new Error(await answer.text());
      await answer.json();
      await post('devices/out/console/write', { text: 'done\n' });
    });
  });
  board.ws.close();
  out.ws.close();
  const [a, b] = [percentile(ours, 0.95), percentile(peer, 0.95)];
  return [
    {
      what: 'rule: console pattern printed → action done, p95',
      ours: `${a.toFixed(1)} ms`,
      peer: `a script that waits by REST: ${b.toFixed(1)} ms`,
      ratio: (a / b).toFixed(2),
      target: 'p95 ≤ 20 ms',
    },
  ];
}
