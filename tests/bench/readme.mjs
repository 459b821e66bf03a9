// make figures: the README's table is what `make bench` has measured (build/bench.json), between the two markers.
import { readFileSync, writeFileSync } from 'node:fs';
import { RESULTS, table } from './table.mjs';

const ORDER = [
  'screen',
  'media',
  'whep',
  'viewers',
  'phone',
  'rest',
  'vnc',
  'keys',
  'console',
  'shell',
  'rig',
  'load',
  'server',
  'events',
  'calls',
  'sockets',
  'start',
  'sensors',
  'power',
  'scope',
  'idle',
];
const [BEGIN, END] = ['<!-- figures: written by `make figures` -->', '<!-- end of figures -->'];

const { machine, results } = JSON.parse(readFileSync(RESULTS, 'utf8'));
const missing = ORDER.filter((name) => !results[name]);
if (missing.length) {
  console.error(`${RESULTS} lacks ${missing.join(', ')}: run \`make bench\` first`);
  process.exit(1);
}
const readme = readFileSync('README.md', 'utf8');
const from = readme.indexOf(BEGIN),
  to = readme.indexOf(END);
if (from < 0 || to < from) throw new Error('README.md has lost its markers');
const days = [...new Set(ORDER.map((name) => results[name].date.slice(0, 10)))].sort();
const block = `${BEGIN}\n${machine}, ${[...new Set([days[0], days.at(-1)])].join(' to ')}:\n\n${table(ORDER.flatMap((name) => results[name].rows))}\n`;
writeFileSync('README.md', readme.slice(0, from) + block + readme.slice(to));
console.log(`README.md: ${ORDER.length} benchmarks`);
