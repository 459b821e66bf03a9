#!/usr/bin/env node
// The table of messages, lib/proto/messages.json, is the one place that says what messages look like. From it come the
// page's copy (web/core/messages.js) and the tables of docs/CONTROL.md; its limits are those of the C headers.
//
//   node tests/messages.mjs           says what has drifted, as `file:line: …`
//   node tests/messages.mjs --write   writes the copies anew (make messages)
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const TABLE = 'lib/proto/messages.json';
const PAGE = 'web/core/messages.js';
const DOC = 'docs/CONTROL.md';
const HEADERS = ['lib/limits.h', 'host/core/control/control.h', 'host/core/control/control_msg.h'];

const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
const table = JSON.parse(read(TABLE));
const findings = [];
const say = (file, what) => findings.push(`${file}:1: ${what}`);

// ---- limits -------------------------------------------------------------------------------------------------

/** Values of `#define NAME expression` where the expression is arithmetic of numbers and other such names. */
function constants() {
  const defined = new Map();
  const text = HEADERS.map(read)
    .join('\n')
    .replace(/\\\n/g, ' ')
    .replace(/\/\*[\s\S]*?\*\//g, ' ');
  for (const [, name, body] of text.matchAll(/^#define (TB_\w+) +(.+)$/gm)) defined.set(name, body.trim());
  const value = (name) => {
    const body = defined.get(name);
    if (body === undefined) return undefined;
    const plain = body
      .replace(/\b(\d+)LL?\b/g, '$1n')
      .replace(/\b(\d+)\b(?!n)/g, '$1n')
      .replace(/TB_\w+/g, (other) => `${value(other)}n`);
    return /^[\d\s()+*<\-n]+$/.test(plain) ? Number(Function(`return ${plain}`)()) : undefined;
  };
  return value;
}

function checkLimits() {
  const value = constants();
  for (const [name, { value: says, c }] of Object.entries(table.limits))
    if (c && value(c) !== says)
      say(TABLE, `limit ${name} is ${says}, ${c} is ${value(c) ?? 'not defined'} (one of them is wrong)`);
}

// ---- the page's copy ------------------------------------------------------------------------------------------

/** 'text', or "text" where that needs fewer backslashes. */
const text = (s) => {
  const quote = s.split("'").length > s.split('"').length ? '"' : "'";
  return quote + JSON.stringify(s).slice(1, -1).replaceAll('\\"', '"').replaceAll(quote, `\\${quote}`) + quote;
};

/** A property's name: bare where it may be. */
const named = (n) => (/^[A-Za-z_$][\w$]*$/.test(n) ? n : text(n));

/** As the formatter writes it (make format): in one line where it fits into 120 columns after `before` and a comma. */
function pretty(value, indent = '', before = indent) {
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const list = Array.isArray(value);
  const parts = (inner) =>
    list
      ? value.map((v) => pretty(v, inner))
      : Object.entries(value).map(([n, v]) => `${named(n)}: ${pretty(v, inner, `${inner}${named(n)}: `)}`);
  if (!parts('').length) return list ? '[]' : '{}';
  const flat = list ? `[${parts('').join(', ')}]` : `{ ${parts('').join(', ')} }`;
  if (!flat.includes('\n') && before.length + flat.length + 1 <= 120 && before !== indent) return flat;
  const lines = parts(`${indent}  `).map((line) => `${indent}  ${line},\n`);
  return list ? `[\n${lines.join('')}${indent}]` : `{\n${lines.join('')}${indent}}`;
}

/** The page needs no words and no examples. */
const forPage = (name, v) =>
  name === 'example' || (typeof v === 'string' && ['doc', 'from', 'c', 'unit'].includes(name)) ? undefined : v;

const page = () => `// Written by tests/messages.mjs from ${TABLE} (make messages): change it there.
export default ${pretty(JSON.parse(JSON.stringify(table, forPage)))};
`;

// ---- the document -----------------------------------------------------------------------------------------------

const limitOf = (v) => (typeof v === 'string' ? table.limits[v].value : v);

/** "string, 1 to 64 bytes, a name: …" */
function typeOf(f) {
  if (f.const) return `\`"${f.const}"\``;
  const [min, max] = [limitOf(f.min), limitOf(f.max)];
  const range = (unit) => {
    if (min !== undefined && max !== undefined) return `, ${min} to ${max}${unit}`;
    if (max !== undefined) return `, at most ${max}${unit}`;
    return min !== undefined ? `, ${min} or more${unit}` : '';
  };
  const null_ = f.nullable ? ' or null' : '';
  if (f.type === 'string' && f.name)
    return `string: ${f.name === 'base64' ? 'base64' : `[${f.name}](#names)`}${range(' bytes')}${null_}`;
  if (f.type === 'string') return `string${range(' bytes')}${null_}`;
  if (f.type === 'int') return `whole number${range('')}${null_}`;
  if (f.type === 'number') return `number${range('')}${null_}`;
  if (f.type === 'bool') return 'true or false';
  if (f.type === 'enum') return f.values.map((v) => `\`"${v}"\``).join(', ');
  if (f.type === 'input') return '[input event](#input-events)';
  if (f.type === 'array') return `array of ${typeOf(f.items)}${range('')}`;
  if (f.type === 'object' && f.of !== 'any')
    return `object: ${Object.entries(table.types[f.of])
      .map(([n, x]) => `\`${n}\`${x.optional ? '?' : ''}`)
      .join(', ')}`;
  return f.type === 'object' ? 'object' : 'any JSON';
}

const rows = (fields) =>
  Object.entries(fields).map(([name, f]) => {
    const may = f.requiredWhen
      ? `\`${f.requiredWhen[0]}\` is ${f.requiredWhen[1]}`
      : f.optional
        ? 'may be missing'
        : 'yes';
    return `| \`${name}\` | ${typeOf(f).replaceAll('|', '\\|')} | ${may} | ${f.doc ?? ''} |`;
  });

const fieldTable = (fields) => ['| field | type | there | meaning |', '|---|---|---|---|', ...rows(fields)];

function messages() {
  return Object.entries(table.messages)
    .filter(([, m]) => !m.signaling)
    .flatMap(([name, m]) => [
      `### ${name}`,
      '',
      `From: ${m.from}. ${m.doc}${m.anyOf ? ` One of ${m.anyOf.map((f) => `\`${f}\``).join(', ')} is there.` : ''}`,
      '',
      ...fieldTable(m.fields),
      '',
      '```json',
      JSON.stringify(m.example),
      '```',
      '',
    ]);
}

const sections = {
  names: () => [
    '| name | pattern (the whole of it) | at most | what |',
    '|---|---|---|---|',
    ...Object.entries(table.names).map(
      ([n, r]) => `| ${n} | \`${r.pattern.replaceAll('|', '\\|')}\` | ${limitOf(r.max)} bytes | ${r.doc} |`,
    ),
  ],
  topics: () => [
    '| topic | sends | narrowed by | what |',
    '|---|---|---|---|',
    ...Object.entries(table.topics).map(
      ([n, t]) =>
        `| \`${n}\` | ${t.sends === 'binary' ? 'binary' : `[${t.sends}](#${t.sends})`} | device${t.device ? ' (must be)' : ''}, interface | ${t.doc}${t.also ? `. Taken as well, from before: \`${t.also.join('`, `')}\`` : ''} |`,
    ),
  ],
  messages,
  problem: () => fieldTable(table.types.problem),
  input: () => [
    '| `type` | fields |',
    '|---|---|',
    ...Object.entries(table.input).map(
      ([n, f]) =>
        `| \`${n}\` | ${Object.entries(f)
          .map(([k, x]) => `\`${k}\`${x.optional ? '?' : ''}: ${typeOf(x)}${x.doc ? ` (${x.doc})` : ''}`)
          .join(' · ')
          .replaceAll('|', '\\|')} |`,
    ),
  ],
  limits: () => [
    '| limit | value | of |',
    '|---|---|---|',
    ...Object.values(table.limits).map((l) => `| ${l.doc} | ${l.value} ${l.unit} | ${l.c ? `\`${l.c}\`` : ''} |`),
  ],
};

/**
 * Puts what the table says between the document's marks `<!-- name: … -->` and `<!-- end -->`; `verbs` is written by
 * the test that has a host.
 */
export function filled(text, parts = sections) {
  return text.replace(/<!-- (\w+): ([^>]*)-->\n[\s\S]*?<!-- end -->/g, (whole, name, words) =>
    parts[name] ? `<!-- ${name}: ${words}-->\n${parts[name]().join('\n').trimEnd()}\n<!-- end -->` : whole,
  );
}

function main() {
  const write = process.argv.includes('--write');
  checkLimits();
  for (const [file, want] of [
    [PAGE, page()],
    [DOC, filled(read(DOC))],
  ]) {
    let is = '';
    try {
      is = read(file);
    } catch {
      /* not there yet */
    }
    if (is === want) continue;
    if (write) writeFileSync(path.join(ROOT, file), want);
    else say(file, `is not what ${TABLE} says (make messages)`);
  }
  for (const line of findings) console.log(line);
  process.exitCode = findings.length ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
