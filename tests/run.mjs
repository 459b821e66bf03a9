#!/usr/bin/env node
// Runs tests and adds them up: one line per file while it works, what failed in full, and one closing line
// `N passed, N failed, N skipped`. Exit code 0 only when nothing failed.
//
//   node tests/run.mjs MODE... [--match TEXT] [--jobs N] [--load N] [--verbose]
//     all          what CI runs: house web e2e rig asan tsan, and of integration what asan leaves out
//     house        the rules of the house (tests/lint.sh; clang-tidy of what differs from main), what make install
//                  and the recipes of the docs do
//     unit         C tests: tests/unit, tests/contract, drivers/*/test_*.c (GLib, TAP)
//     fuzz         every fuzzer's corpus once
//     web, integration, e2e, rig     node --test files
//     asan, tsan   unit, fuzz and integration of that build; of tsan, what has threads
//
//     --load N    N processes per core that want all of it: tests must hold on a machine that is so much slower
//
// Every file runs in its own process group with a deadline; what it leaves running is killed and counted as a failure.
// A test that is skipped without a reason is a failure too. Environment of tests: TESTBED_BUILD (folder of the
// binaries).
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { readTap } from './tap.mjs';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(ROOT);

const options = { modes: [], match: '', load: 0, jobs: Math.max(4, Math.min(6, os.cpus().length)), verbose: false };

function readArgs() {
  for (let i = 2; i < process.argv.length; i++) {
    const arg = process.argv[i];
    if (arg === '--match') options.match = process.argv[++i] ?? '';
    else if (arg === '--jobs') options.jobs = Math.max(1, Number(process.argv[++i]) || 1);
    else if (arg === '--load') options.load = Math.max(0, Number(process.argv[++i]) || 0);
    else if (arg === '--verbose') options.verbose = true;
    else if (arg.startsWith('-')) usage(`unknown option ${arg}`);
    else options.modes.push(arg);
  }
}

function usage(problem) {
  console.error(
    `tests/run.mjs: ${problem}\nmodes: ${Object.keys(MODES).join(' ')}\noptions: --match TEXT --jobs N --load N --verbose`,
  );
  process.exit(2);
}

// ---- what there is to run ---------------------------------------------------------------------------------

function glob(folder, pattern, depth = 3) {
  if (!existsSync(folder) || depth < 0) return [];
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
      found.push(...glob(file, pattern, depth - 1));
    else if (entry.isFile() && pattern.test(entry.name)) found.push(file);
  }
  return found.sort();
}

const variantEnv = {
  '': {},
  asan: {
    // libxkbcommon-x11 gives strndup() text that nothing ends, which is what it is for; strict_string_checks reads on
    ASAN_OPTIONS:
      'detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1:intercept_strndup=0:exitcode=99',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    LSAN_OPTIONS: 'print_suppressions=0', // what libraries keep: tests/asan.c
    G_SLICE: 'always-malloc',
  },
  tsan: {
    TSAN_OPTIONS: `suppressions=${ROOT}/tests/tsan.supp:second_deadlock_stack=1:history_size=4:exitcode=66`,
    // GLib hands small blocks from thread to thread by itself, unseen: every reuse looks like a race
    G_SLICE: 'always-malloc',
  },
};

const buildOf = (variant) => path.join(ROOT, 'build', variant);
// A sanitizer costs time; ThreadSanitizer of this compiler also needs an address space without surprises.
// and so do others who want the machine
const slower = (variant) =>
  ({ '': 1, asan: 3, tsan: 3 })[variant] * Math.min(8, Math.max(1, os.loadavg()[0] / os.cpus().length / 2));
const wrap = (variant, argv) =>
  variant === 'tsan' && existsSync('/usr/bin/setarch') ? ['/usr/bin/setarch', '-R', ...argv] : argv;

function cTests(variant = '') {
  const sources = [
    ...glob('tests/unit', /^test_.*\.c$/),
    ...glob('tests/contract', /^test_.*\.c$/),
    ...glob('drivers', /^test_.*\.c$/, 1).filter((f) => !path.basename(path.dirname(f)).startsWith('_')),
  ];
  return sources.map((source) => {
    const binary = path.join(buildOf(variant), 'tests', source.replace(/\.c$/, ''));
    return {
      suite: 'unit',
      variant,
      name: source.replace(/\.c$/, ''),
      needs: binary,
      argv: [binary, '--tap'],
      tap: true,
      seconds: 60,
    };
  });
}

function fuzzTests(variant = '') {
  return glob('tests/fuzz', /^fuzz_.*\.c$/, 0).map((source) => {
    const name = path.basename(source, '.c').replace(/^fuzz_/, '');
    const binary = path.join(buildOf(variant), 'fuzz', `fuzz_${name}`);
    const corpus = path.join('tests/fuzz/corpus', name);
    const seeds = existsSync(corpus) ? readdirSync(corpus).length : 0;
    return {
      suite: 'fuzz',
      variant,
      name: `fuzz/${name}`,
      needs: binary,
      argv: [binary, corpus],
      tap: false,
      seconds: 60,
      count: seeds,
      problem: seeds ? '' : `no seeds in ${corpus}/: a fuzzer without a corpus proves nothing`,
    };
  });
}

function nodeTests(suite, folder, seconds, { variant = '', atOnce = options.jobs } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const reporter = major > 18 || (major === 18 && minor >= 15) ? ['--test-reporter=tap'] : [];
  return glob(folder, /\.test\.mjs$/).map((file) => ({
    suite,
    variant,
    atOnce,
    name: file,
    needs: file,
    argv: [process.execPath, ...reporter, file],
    tap: true,
    seconds,
  }));
}

const house = () => [
  ...['rules', 'headers', 'format', 'cppcheck', 'tidy-changed'].map((what) => ({
    suite: 'house',
    variant: '',
    name: `tests/lint.sh ${what}`,
    needs: 'tests/lint.sh',
    argv: ['sh', 'tests/lint.sh', what],
    tap: true,
    seconds: what === 'tidy-changed' ? 6000 : 600,
  })),
  ...nodeTests('house', 'tests/house', 600),
];

// What is about pages, most of it before the labelled fake host: nothing in it goes by the clock.
const OF_PAGES = /\/(axe|firefox|hosts|pages(-\w+)?)\.test\.mjs$/;
// Gaps of a picture, sound beside it, what a line carries. Other browsers run two by two.
const MEASURES_TIME = /\/(console-connection|media(-link)?|net-(cable|lossy)|observer|sound|vnc-film)\.test\.mjs$/;

const MODES = {
  house: () => house(),
  unit: () => cTests(),
  fuzz: () => fuzzTests(),
  web: () => nodeTests('web', 'web/tests', 60),
  integration: () => integration(''),
  e2e: () =>
    nodeTests('e2e', 'tests/e2e', 300).map((t) => ({
      ...t,
      atOnce: MEASURES_TIME.test(t.name) ? 1 : OF_PAGES.test(t.name) ? options.jobs : 2,
    })),
  rig: () => nodeTests('rig', 'tests/rig', 600, { atOnce: 1 }),
  asan: () => asan(),
  tsan: () => tsan(),
  all: () => [...['house', 'web', 'e2e', 'rig', 'asan', 'tsan'].flatMap((m) => MODES[m]()), ...withoutSanitizer()],
};

// Not under AddressSanitizer, for CI's time: the lab (about who starts whom), the command line (one thread; its parsers
// are unit tests), what compiles a driver, reads the README, or is about routes whose parts unit tests have.
const NOT_ASAN = /\/(lab|client(-\w+)?|host-virtualpytest|new-driver|proxy|readme|runner-tap|server-enrol)\.test\.mjs$/;
// What a test asks of memory is another thing there.
const MEASURES = /\bSANITIZED\b/;
const withoutSanitizer = () =>
  integration('').filter((t) => NOT_ASAN.test(t.name) || MEASURES.test(readFileSync(t.name, 'utf8')));
// Under ThreadSanitizer, what is about more than main's own state: lanes, media, disks, TLS, floods.
const TSAN = new RegExp(
  `/(device-verbs|floods|host-(board|disk|flood|limits|live|phone|shares|start|video)|server-(limits|store)|tls|vnc-\\w+)\\.test\\.mjs$`,
);
const THREADS = readFileSync('tests/threads.txt', 'utf8').trim().split('\n');
const hasThreads = (source) => {
  const text = readFileSync(source, 'utf8');
  return !text.includes('Not under ThreadSanitizer:') && THREADS.some((word) => text.includes(word));
};

const integration = (variant) => nodeTests('integration', 'tests/integration', 120, { variant });
const asan = () => [
  ...cTests('asan'),
  ...fuzzTests('asan'),
  ...integration('asan').filter((t) => !NOT_ASAN.test(t.name)),
];
const tsan = () => [
  ...cTests('tsan').filter((t) => hasThreads(`${t.name}.c`)),
  ...integration('tsan').filter((t) => TSAN.test(t.name)),
];

// ---- running one file -----------------------------------------------------------------------------------------

const LOGS = path.join(ROOT, 'build', 'test-logs');

/** Processes of the group that are still alive (zombies aside). */
function leftovers(group) {
  const found = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(fields[2]) === group && fields[0] !== 'Z')
        found.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim() || pid);
    } catch {
      /* it has ended meanwhile */
    }
  }
  return found;
}

const groups = new Set(); // process groups that run now

function killGroup(group) {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    /* nobody left */
  }
}

function run(test, env = {}) {
  return new Promise((resolve) => {
    const started = Date.now();
    const result = { test, passed: 0, failed: 0, skipped: 0, failures: [], skips: [], log: '' };
    const finish = () => {
      result.ms = Date.now() - started;
      resolve(result);
    };
    const fail = (name, detail) => {
      result.failed++;
      result.failures.push({ name, detail });
    };
    if (test.problem || !existsSync(test.needs)) {
      fail(
        test.name,
        test.problem ||
          `${path.relative(ROOT, test.needs)} is not built: run "make${test.variant ? ` VARIANT=${test.variant}` : ''} tests-bin"`,
      );
      return finish();
    }
    // Everything a test writes goes here, and is gone afterwards.
    const scratch = mkdtempSync(path.join(os.tmpdir(), 'testbed-test-'));
    const argv = wrap(test.variant, test.argv);
    const child = spawn(argv[0], argv.slice(1), {
      detached: true, // its own process group
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        LC_ALL: 'C.UTF-8',
        TZ: 'UTC',
        G_DEBUG: 'fatal-criticals',
        TMPDIR: scratch,
        XDG_RUNTIME_DIR: scratch,
        XDG_STATE_HOME: scratch,
        TESTBED_BUILD: buildOf(test.variant),
        TESTBED_VARIANT: test.variant,
        ...variantEnv[test.variant],
        ...env,
      },
    });
    if (child.pid) groups.add(child.pid);
    const out = [];
    const both = [];
    let size = 0;
    const keep = (list) => (chunk) => {
      if ((size += chunk.length) < 32 * 1024 * 1024) list.forEach((l) => l.push(chunk));
    };
    child.stdout.on('data', keep([out, both]));
    child.stderr.on('data', keep([both]));
    const seconds = test.seconds * slower(test.variant);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child.pid);
    }, seconds * 1000);
    child.on('error', (error) => fail(test.name, `cannot be started: ${error.message}`));
    let ended = null;
    child.on('exit', (code, signal) => {
      ended = { code, signal };
      const left = late ? [] : leftovers(child.pid);
      if (left.length) {
        fail(test.name, `left running:\n${left.join('\n')}`);
        killGroup(child.pid);
      }
      groups.delete(child.pid);
    });
    child.on('close', () => {
      clearTimeout(timer);
      try {
        rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
      } catch (error) {
        fail(test.name, `left in its folder, and not to be removed: ${error.message}`); // a mount, say
      }
      result.log = Buffer.concat(both).toString();
      judge(test, result, Buffer.concat(out).toString(), ended ?? {}, late && seconds, fail);
      finish();
    });
  });
}

function judge(test, result, out, { code, signal }, lateAfter, fail) {
  const tail = () => result.log.split('\n').slice(-40).join('\n');
  if (test.tap) {
    const tap = readTap(out);
    result.passed += tap.passed;
    result.skips = tap.skips;
    result.skipped += tap.skips.length;
    for (const f of tap.failures) fail(f.name, f.detail || tail());
    for (const s of tap.skips.filter((x) => !x.reason)) fail(s.name, 'skipped without a reason');
    if (lateAfter) fail(tap.running || test.name, `not finished after ${lateAfter} s\n${tail()}`);
    else if (signal && !tap.failures.length) fail(tap.running || test.name, `ended by ${signal}\n${tail()}`);
    else if (!signal && tap.planned >= 0 && tap.planned !== tap.seen)
      fail(test.name, `planned ${tap.planned} tests, ran ${tap.seen}\n${tail()}`);
    else if (code && !result.failed) fail(test.name, `exit code ${code}\n${tail()}`);
    else if (!code && !tap.seen) fail(test.name, 'ran no test at all');
  } else {
    if (lateAfter) fail(test.name, `not finished after ${lateAfter} s\n${tail()}`);
    else if (signal || code) fail(test.name, `${signal ? `ended by ${signal}` : `exit code ${code}`}\n${tail()}`);
    else result.passed += test.count ?? 1;
  }
}

// ---- telling about it -------------------------------------------------------------------------------------------

const label = (t) => `${t.variant ? `${t.variant}:` : ''}${t.suite}`;

/** What a C test that failed logs: it is quiet while all is well. */
async function told(result) {
  const { test } = result;
  if (result.failed && test.suite === 'unit') result.told = (await run(test, { LOG_LEVEL: 'debug' })).log;
  return result;
}

function report(result, at, of) {
  const { test, passed, failed, skipped, ms } = result;
  const counts = [`${passed} passed`, failed && `${failed} FAILED`, skipped && `${skipped} skipped`]
    .filter(Boolean)
    .join(', ');
  console.log(
    `[${String(at).padStart(String(of).length)}/${of}] ${failed ? 'FAIL' : 'ok  '} ${label(test).padEnd(16)} ${test.name}  ${counts}  ${(ms / 1000).toFixed(2)} s`,
  );
  for (const s of result.skips) console.log(`         skipped: ${s.name}: ${s.reason || '(no reason)'}`);
  const log = path.join(LOGS, `${label(test)}-${test.name}`.replace(/[^\w.-]+/g, '_') + '.log');
  writeFileSync(log, result.told ? `${result.log}\n---- again, with LOG_LEVEL=debug ----\n${result.told}` : result.log);
  if (failed) printFailures(result, log);
  else if (options.verbose) console.log(result.log.replace(/^/gm, '         '));
}

function printFailures(result, log) {
  for (const f of result.failures) {
    console.log(`         FAILED: ${f.name}`);
    const lines = f.detail.trimEnd().split('\n');
    console.log(lines.slice(0, 60).join('\n').replace(/^/gm, '           '));
    if (lines.length > 60) console.log(`           … ${lines.length - 60} lines more`);
  }
  console.log(`         full output: ${path.relative(ROOT, log)}`);
}

/**
 * What failed and passed when it was run again, alone: no failure, but shown, and counted over runs in
 * build/test-flakes.json.
 */
function tellFlakes(results) {
  const flaky = results.filter((r) => r.first && !r.failed);
  if (!flaky.length) return 0;
  const file = path.join(ROOT, 'build', 'test-flakes.json');
  let known = {};
  try {
    known = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    /* the first ones */
  }
  console.log(
    `\n${flaky.length} of ${results.length} files are flaky: failed, then passed alone (counts: ${path.relative(ROOT, file)})`,
  );
  for (const { test, first } of flaky) {
    const name = `${label(test)} ${test.name}`;
    const entry = (known[name] ??= { times: 0 });
    Object.assign(entry, {
      times: entry.times + 1,
      last: new Date().toISOString(),
      failures: first.failures.map((f) => f.name),
    });
    console.log(`  ${name}: ${entry.failures.join(', ')} (${entry.times} so far)`);
  }
  writeFileSync(file, `${JSON.stringify(known, null, 2)}\n`);
  return flaky.length;
}

/**
 * Where the time went: seconds of all files of a part together; several run at once, so they add up to more than the
 * clock says.
 */
function tellTimes(results) {
  const parts = new Map();
  for (const r of results) {
    const part = parts.get(label(r.test)) ?? { files: 0, ms: 0, slowest: r };
    const ms = r.ms + (r.first?.ms ?? 0);
    parts.set(label(r.test), {
      files: part.files + 1,
      ms: part.ms + ms,
      slowest: r.ms > part.slowest.ms ? r : part.slowest,
    });
  }
  console.log('\npart              files   seconds   slowest');
  for (const [name, { files, ms, slowest }] of parts) {
    console.log(
      `${name.padEnd(16)} ${String(files).padStart(6)} ${(ms / 1000).toFixed(0).padStart(9)}   ${slowest.test.name} ${(slowest.ms / 1000).toFixed(0)} s`,
    );
  }
}

async function main() {
  readArgs();
  if (!options.modes.length) usage('which tests?');
  for (const mode of options.modes) if (!Object.hasOwn(MODES, mode)) usage(`unknown mode ${mode}`);
  mkdirSync(LOGS, { recursive: true });
  const tests = options.modes.flatMap((m) => MODES[m]()).filter((t) => t.name.includes(options.match));
  const results = [];
  let at = 0;
  /** What may run with so many at once; what measures time has the machine for itself. */
  const lane = (atOnce) => {
    const queue = tests.filter((t) => (t.atOnce ?? options.jobs) === atOnce);
    const worker = async () => {
      for (let test = queue.shift(); test; test = queue.shift()) {
        const result = await told(await run(test));
        results.push(result);
        report(result, ++at, tests.length);
      }
    };
    return Promise.all(Array.from({ length: atOnce }, worker));
  };
  const started = Date.now();
  for (let i = 0; i < options.load * os.cpus().length; i++) {
    const busy = spawn(process.execPath, ['-e', 'for (;;);'], { detached: true, stdio: 'ignore' });
    busy.unref();
    groups.add(busy.pid);
  }
  for (const atOnce of [...new Set(tests.map((t) => t.atOnce ?? options.jobs))].sort((a, b) => b - a))
    await lane(atOnce);
  // On a busy machine a deadline may be missed. What failed is run once more, alone, and both outcomes are shown. Not
  // what a sanitizer says of a C test: it is true however seldom it is seen.
  for (const [i, first] of results.entries()) {
    const reported = first.test.suite === 'unit' && /(Thread|Address|Leak)Sanitizer:|runtime error:/.test(first.log);
    if (!first.failed || reported) continue;
    console.log(`once more, alone: ${label(first.test)} ${first.test.name}`);
    results[i] = await run(first.test);
    results[i].first = first;
    report(results[i], at, tests.length);
  }
  const sum = (key) => results.reduce((n, r) => n + r[key], 0);
  const bad = results.filter((r) => r.failed);
  if (bad.length) {
    console.log(`\n${bad.length} of ${results.length} files failed:`);
    for (const r of bad) console.log(`  ${label(r.test)}  ${r.test.name}: ${r.failures.map((f) => f.name).join(', ')}`);
  }
  const flakes = tellFlakes(results);
  tellTimes(results);
  console.log(
    `\n${results.length} files in ${((Date.now() - started) / 1000).toFixed(0)} s${flakes ? `; ${flakes} passed only in a second run` : ''}`,
  );
  if (!tests.length) console.log(`nothing matches "${options.match}" in ${options.modes.join(' ')}`);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  process.exitCode = bad.length || !tests.length ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
process.on('exit', () => groups.forEach(killGroup));
await main();
