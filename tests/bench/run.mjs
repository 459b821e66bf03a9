// make bench [T=name]: each benchmark runs us and the peer side by side in one run and prints ratios as a table.
// Nothing here asserts an absolute time. Rows are kept in build/bench.json by benchmark, so that one that is run alone
// replaces only its own; `make figures` (readme.mjs) puts them all into the README.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cleanUp, lastWords } from './lib.mjs';
import { RESULTS, machine, table } from './table.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2).filter(Boolean);
const names = readdirSync(here)
  .filter((f) => f.endsWith('.bench.mjs'))
  .map((f) => f.slice(0, -'.bench.mjs'.length))
  .sort();
const unknown = wanted.filter((w) => !names.includes(w));
if (unknown.length) {
  console.error(`no such benchmark: ${unknown.join(', ')}; there are: ${names.join(', ')}`);
  process.exit(2);
}
process.on('SIGINT', () => cleanUp().then(() => process.exit(130)));
const kept = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
const results = kept.machine === machine() ? kept.results : {};
const now = [];
let failed = 0;
for (const name of wanted.length ? names.filter((n) => wanted.includes(n)) : names) {
  process.stderr.write(`${name} …\n`);
  try {
    const { default: bench } = await import(pathToFileURL(join(here, `${name}.bench.mjs`)));
    const rows = await bench();
    results[name] = { date: new Date().toISOString(), rows };
    now.push(...rows);
  } catch (error) {
    failed++;
    now.push({ what: name, ours: `failed: ${error.message.split('\n')[0]}`, peer: '', ratio: '', target: '' });
    console.error(error);
    console.error(lastWords());
  } finally {
    await cleanUp();
  }
}
console.log(`${machine()}\n\n${table(now)}`);
mkdirSync(dirname(RESULTS), { recursive: true });
writeFileSync(RESULTS, JSON.stringify({ machine: machine(), results }, null, 1));
process.exit(failed ? 1 : 0);
