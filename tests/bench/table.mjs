// Rows of benchmarks as a markdown table. A row: {what, ours, peer, ratio, target, met: boolean, rounds}; numbers in
// brackets are the spread of the rounds.
import { cpus } from 'node:os';

export const RESULTS = 'build/bench.json';
export const machine = () => `${cpus().length} × ${cpus()[0].model}`;

export function table(rows) {
  const columns = ['what', 'ours', 'peer', 'ratio', 'target', 'rounds'];
  const cell = (row, c) => `${row[c] ?? ''}${c === 'target' && row.met !== undefined ? (row.met ? ' ✓' : ' ✗') : ''}`;
  return [
    `| ${columns.join(' | ')} |`,
    `|${'---|'.repeat(columns.length)}`,
    ...rows.map((row) => `| ${columns.map((c) => cell(row, c)).join(' | ')} |`),
  ].join('\n');
}
