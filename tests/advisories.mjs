// npm packages against known advisories: `node tests/advisories.mjs [FOLDER]` (the rule `advisories` of make lint; needs
// no network) prints what it finds as file:line: text. `--ask` also asks the registry (make advisories).
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const FILE = 'tests/advisories.json';
const numbers = (version) => version.split(/[-+]/)[0].split('.').map(Number);
/** <0, 0, >0; a pre-release comes before its release. */
export function compare(a, b) {
  const [x, y] = [numbers(a), numbers(b)];
  for (let i = 0; i < 3; i++) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (x[i] ?? 0) - (y[i] ?? 0);
  return Number(b.includes('-')) - Number(a.includes('-'));
}
const TESTS = { '<': (n) => n < 0, '<=': (n) => n <= 0, '>': (n) => n > 0, '>=': (n) => n >= 0, '=': (n) => n === 0 };
/** Whether `version` is in `range`: comparators with blanks between (all), sets of them with || between (any). */
export const within = (version, range) =>
  range.split('||').some((set) =>
    set
      .trim()
      .split(/\s+/)
      .every((c) => {
        const [, op, than] = /^(<=|>=|<|>|=)?(\d[^\s]*)$/.exec(c) ?? [];
        if (!than) throw new Error(`"${c}" is no comparator of a version`);
        return TESTS[op ?? '='](compare(version, than));
      }),
  );

/** {file, line, name, version} of all packages that a lock file names. */
export function locked(file, text) {
  const lines = text.split('\n');
  return Object.entries(JSON.parse(text).packages ?? {})
    .filter(([where]) => where)
    .map(([where, { version }]) => ({
      file,
      line: lines.findIndex((l) => l.includes(`"${where}": {`)) + 1,
      name: where.split('node_modules/').at(-1),
      version,
    }));
}

/** Findings of packages against the list; `has(file, text)`: whether a file of the project holds that text. */
export function findings(packages, { looked, advisories }, has) {
  const found = [];
  for (const { file, line, name, version } of packages) {
    const say = (text) => found.push(`${file}:${line}: ${name} ${version}: ${text}`);
    for (const a of advisories.filter((x) => x.package === name && within(version, x.affected))) {
      if (!a.held)
        say(`${a.id}, ${a.what} (affected: ${a.affected}): take another version, or say in ${FILE} what holds it`);
      else {
        const [test, title] = a.held.test.split(/: (.*)/);
        if (!has(test, title)) say(`${a.id}: the test that ${FILE} names for it is not there (${a.held.test})`);
      }
    }
    if ((looked[name] ?? looked[name.replace(/\/.*/, '/*')]) !== version)
      say(`nobody looked at its advisories (https://github.com/advisories?query=${name}); then write it into ${FILE}`);
  }
  for (const name of Object.keys(looked))
    if (!packages.some((p) => p.name === name || p.name.replace(/\/.*/, '/*') === name))
      found.push(`${FILE}:1: ${name} is not used any more: remove it`);
  return found;
}

/** What the registry knows and the list does not. */
function ask(root, file, { advisories }) {
  let answer;
  try {
    answer = execFileSync('npm', ['audit', '--json'], { cwd: path.dirname(path.join(root, file)), encoding: 'utf8' });
  } catch (error) {
    answer = error.stdout;
  }
  const { vulnerabilities, message } = JSON.parse(answer || '{}');
  if (!vulnerabilities) return [`${file}:1: the registry does not answer: ${message ?? 'no reason given'}`];
  return Object.values(vulnerabilities)
    .flatMap((v) => v.via.filter((via) => via.url))
    .filter((via) => !advisories.some((a) => via.url.endsWith(a.id)))
    .map((via) => `${file}:1: ${via.name} ${via.range}: ${via.url}, ${via.title}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2).filter((a) => !a.startsWith('--'));
  const root = path.resolve(folder ?? path.join(path.dirname(process.argv[1]), '..'));
  const read = (f) => readFileSync(path.join(root, f), 'utf8');
  const list = JSON.parse(read(FILE));
  const locks = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*package-lock.json'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    // servers of others, as people run them, on a test's loopback alone: nothing of them is in a product
    .filter((f) => f && f !== 'tests/counterparts/package-lock.json');
  const packages = locks.flatMap((f) => locked(f, read(f)));
  const has = (f, text) => existsSync(path.join(root, f)) && read(f).includes(text);
  const found = findings(packages, list, has);
  if (process.argv.includes('--ask')) for (const f of locks) found.push(...ask(root, f, list));
  for (const line of found) console.log(line);
}
