// `testbed`, the command line, as a test runs it: to its end, or as a Program; on a terminal of its own by python's pty.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { BUILD, Inbox, Program, ROOT, scratch, within } from './harness.mjs';

export const TESTBED = path.join(BUILD, 'testbed');
assert.ok(existsSync(TESTBED), `${TESTBED} is not built`);

/** An environment in which nothing of the developer's own is left. */
export function environment(base, more = {}) {
  const clean = { ...process.env };
  for (const name of Object.keys(clean)) if (name.startsWith('TESTBED_')) delete clean[name];
  const own = { XDG_CONFIG_HOME: scratch('tb-cli-'), XDG_STATE_HOME: scratch('tb-cli-') };
  return { ...clean, ...own, TESTBED_HOST: base ?? '', TERM: 'xterm', ...more };
}

/** Runs it to its end: {code, signal, out, err}; `bytes`: the output as it came. */
export async function testbed(base, args, { env = {}, input, stdio, ms = 30000, cwd = ROOT } = {}) {
  const child = spawn(TESTBED, args, {
    cwd,
    env: environment(base, env),
    stdio: stdio ?? [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const out = [];
  const err = [];
  child.stdout?.on('data', (chunk) => out.push(chunk));
  child.stderr?.on('data', (chunk) => err.push(chunk));
  if (input !== undefined) child.stdin.end(input);
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  try {
    const how = await within(`testbed ${args.join(' ')}`, ended, ms);
    const bytes = Buffer.concat(out);
    return { ...how, bytes, out: bytes.toString(), err: Buffer.concat(err).toString() };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** Asserts that it went well; its output. */
export async function ok(base, args, options) {
  const done = await testbed(base, args, options);
  assert.equal(done.code, 0, `testbed ${args.join(' ')}: ${done.code} ${done.signal}\n${done.out}\n${done.err}`);
  return done.out;
}

/** Asserts that it is refused with this code and words, in one line. */
export async function refused(base, args, code, words, options) {
  const done = await testbed(base, args, options);
  assert.equal(done.code, code, `testbed ${args.join(' ')}: ${done.code}\n${done.out}\n${done.err}`);
  assert.match(done.err, words);
  assert.match(done.err.trimEnd().split('\n').at(-1), /^testbed: \S/);
  return done;
}

/** It runs on until the test ends it. */
export function started(base, args, { env = {} } = {}) {
  return new Program([TESTBED, ...args], { env: environment(base, env), name: `testbed ${args[0]}` });
}

// A terminal: what its program writes comes as lines of JSON ["out", base64]; the last line is ["end", code, state of the
// terminal before, and after]. What is written here to stdin is typed.
const PTY = `
import base64, json, os, pty, select, signal, sys, termios
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    import fcntl
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2): os.dup2(slave, fd)
    os.closerange(3, 64)
    os.execvp(sys.argv[1], sys.argv[1:])
def say(*what):
    print(json.dumps(what), flush=True)
say("pid", pid, os.ttyname(slave))
typing = [0]
while True:
    ready = select.select([master] + typing, [], [], 0.1)[0]
    if master in ready:
        say("out", base64.b64encode(os.read(master, 65536)).decode())
    if 0 in ready:
        data = os.read(0, 65536)
        if data: os.write(master, data)
        else: typing = []
    if not ready:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done: break
after = termios.tcgetattr(slave)
say("end", os.waitstatus_to_exitcode(status), str(before[:6]), str(after[:6]))
`;

/** `testbed` on a terminal: {screen: Inbox of texts, type(), text(), see(), size(columns, rows), ended}. */
export function onTerminal(base, args, { env = {} } = {}) {
  const child = spawn('python3', ['-c', PTY, TESTBED, ...args], {
    env: environment(base, env),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const terminal = { out: Buffer.alloc(0), screen: new Inbox('the terminal') };
  let rest = '';
  terminal.ended = new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const [what, ...values] = JSON.parse(line);
        if (what === 'pid') [terminal.pid, terminal.tty] = values;
        else if (what === 'out') terminal.out = Buffer.concat([terminal.out, Buffer.from(values[0], 'base64')]);
        else resolve({ code: values[0], before: values[1], after: values[2] });
        terminal.screen.push(terminal.text());
      }
    });
    child.on('close', () => terminal.screen.close('ended'));
  });
  terminal.text = () => terminal.out.toString();
  terminal.type = (text) => child.stdin.write(text);
  terminal.see = (what, ms = 15000) =>
    terminal.screen.find((text) => (what instanceof RegExp ? what.test(text) : text.includes(what)), {
      what: `${what} on the terminal`,
      ms,
    });
  terminal.end = () => within('the terminal to end', terminal.ended);
  terminal.size = (columns, rows) => execFileSync('stty', ['-F', terminal.tty, 'cols', columns, 'rows', rows]);
  terminal.kill = () => child.kill('SIGKILL');
  return terminal;
}
