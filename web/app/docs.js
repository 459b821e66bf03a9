// Every route of the OpenAPI document that the daemon makes of its route table, with a form to try it.

import { Api } from '../core/api.js';
import { millis } from '../core/format.js';
import { empty, field, fill, h, icon, text, uid } from './dom.js';
import * as prefs from './prefs.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const MAX_BODY = 200000; // characters of an answer that are shown

prefs.applyTheme();
const api = new Api({
  base: new URL('.', document.baseURI).href,
  fetch: (...a) => fetch(...a),
  token: () => prefs.get('token'),
});
const main = document.getElementById('main');
document
  .getElementById('topbar')
  .append(
    h(
      'a',
      { class: 'brand', href: './' },
      icon('mark'),
      h('span', {}, 'Testbed'),
      h('span', { class: 'host' }, '/ API'),
    ),
    h(
      'div',
      { class: 'end' },
      h('a', { class: 'btn quiet', href: api.url('host/openapi.json', { auth: true }), id: 'raw' }, 'openapi.json'),
    ),
  );

async function load() {
  for (const path of ['host/openapi.json', 'openapi.json']) {
    try {
      const doc = await api.get(path);
      document.getElementById('raw').href = api.url(path, { auth: true });
      show(doc);
      return;
    } catch (error) {
      fill(main, empty('warn', `The description of the API could not be read: ${error.message}`));
    }
  }
}

function show(doc) {
  const word = h('input', {
    class: 'input',
    type: 'search',
    placeholder: 'Path or word',
    'aria-label': 'Filter routes',
  });
  const count = h('span', { class: 'muted num' });
  const groups = new Map();
  for (const [path, item] of Object.entries(doc.paths ?? {})) {
    for (const method of METHODS) {
      const op = item[method];
      if (!op) continue;
      const tag = op.tags?.[0] ?? 'other';
      if (!groups.has(tag)) groups.set(tag, []);
      groups
        .get(tag)
        .push(
          operation(doc, path, method, { ...op, parameters: [...(item.parameters ?? []), ...(op.parameters ?? [])] }),
        );
    }
  }
  const sections = [...groups].map(([tag, ops]) => ({
    ops,
    el: h(
      'section',
      {},
      h('h2', { class: 'section-title' }, tag),
      h(
        'div',
        { class: 'panel ops' },
        ops.map((o) => o.el),
      ),
    ),
  }));
  const filter = () => {
    const w = word.value.trim().toLowerCase();
    let n = 0;
    for (const s of sections) {
      let any = false;
      for (const o of s.ops) {
        o.el.hidden = Boolean(w) && !o.words.includes(w);
        any ||= !o.el.hidden;
        n += o.el.hidden ? 0 : 1;
      }
      s.el.hidden = !any;
    }
    text(count, `${n} route${n === 1 ? '' : 's'}`);
  };
  word.addEventListener('input', filter);
  fill(
    main,
    h(
      'div',
      { class: 'head' },
      h('h1', {}, doc.info?.title ?? 'API'),
      h('span', { class: 'muted' }, doc.info?.version ?? ''),
      count,
      h('span', { class: 'spacer' }),
      h('div', { class: 'filter' }, word),
    ),
    doc.info?.description ? h('p', { class: 'muted' }, doc.info.description) : null,
    sections.map((s) => s.el),
  );
  filter();
}

const resolve = (doc, schema) =>
  (schema?.$ref
    ? schema.$ref
        .replace(/^#\//, '')
        .split('/')
        .reduce((o, k) => o?.[k], doc)
    : schema) ?? {};

/** A body to start from, made of the schema. */
export function example(doc, schema, depth = 0) {
  const s = resolve(doc, schema);
  if (s.example !== undefined) return s.example;
  if (s.default !== undefined) return s.default;
  if (s.enum) return s.enum[0];
  if (s.oneOf || s.anyOf) return example(doc, (s.oneOf ?? s.anyOf)[0], depth + 1);
  const type = Array.isArray(s.type) ? s.type[0] : s.type;
  if (type === 'object' || s.properties)
    return depth > 4
      ? {}
      : Object.fromEntries(Object.entries(s.properties ?? {}).map(([k, v]) => [k, example(doc, v, depth + 1)]));
  if (type === 'array') return depth > 4 ? [] : [example(doc, s.items ?? {}, depth + 1)];
  return { string: '', integer: s.minimum ?? 0, number: s.minimum ?? 0, boolean: false }[type] ?? null;
}

function operation(doc, path, method, op) {
  const el = h(
    'details',
    {},
    h(
      'summary',
      {},
      h('span', { class: `method ${method}` }, method.toUpperCase()),
      h('span', { class: 'path' }, path),
      h('span', { class: 'muted' }, op.summary ?? ''),
    ),
  );
  let built = false;
  el.addEventListener('toggle', () => {
    if (!el.open || built) return;
    built = true;
    el.append(form(doc, path, method, op));
  });
  return { el, words: `${method} ${path} ${op.summary ?? ''} ${(op.tags ?? []).join(' ')}`.toLowerCase() };
}

function form(doc, path, method, op) {
  const params = op.parameters.map((p) => resolve(doc, p)).filter((p) => p.in === 'path' || p.in === 'query');
  const inputs = params.map((p) => {
    const schema = resolve(doc, p.schema);
    const input = schema.enum
      ? h(
          'select',
          { class: 'input' },
          p.required ? null : h('option', { value: '' }, ''),
          schema.enum.map((v) => h('option', { value: v }, String(v))),
        )
      : h('input', {
          class: 'input mono',
          required: p.in === 'path',
          spellcheck: 'false',
          value: schema.default ?? '',
        });
    return { p, input };
  });
  const types = Object.keys(op.requestBody?.content ?? {});
  const type = types.includes('application/json') ? 'application/json' : types[0];
  const isText = type && /json|text|sdp/.test(type);
  const body = !type
    ? null
    : isText
      ? h('textarea', {
          class: 'input',
          rows: '5',
          spellcheck: 'false',
          value:
            type === 'application/json'
              ? JSON.stringify(example(doc, op.requestBody.content[type].schema), null, 2)
              : '',
        })
      : h('input', { class: 'input', type: 'file' });
  const out = h('pre', { class: 'output', hidden: true, tabindex: '0', id: uid('out') });
  const curl = h('code', { class: 'small muted mono' });
  const status = h('strong', { class: 'num' });
  const picture = h('img', { class: 'answer', alt: 'The answer', hidden: true });
  const send = h('button', { type: 'submit', class: 'btn primary' }, 'Send');

  const target = () => {
    let at = path;
    const query = {};
    for (const { p, input } of inputs) {
      if (p.in === 'path')
        at = at.replace(`{${p.name}}`, encodeURIComponent(input.value)).replace(`{${p.name}...}`, input.value);
      else query[p.name] = input.value;
    }
    return { at, query };
  };
  const say = () => {
    const { at, query } = target();
    const data =
      isText && body?.value
        ? ` -H 'Content-Type: ${type}' -d '${body.value.replace(/\s*\n\s*/g, '').replaceAll("'", "'\\''")}'`
        : body && !isText
          ? ` -H 'Content-Type: ${type}' --data-binary @FILE`
          : '';
    text(
      curl,
      `curl -X ${method.toUpperCase()}${prefs.get('token') ? ' -H "Authorization: Bearer $TOKEN"' : ''}${data} '${api.url(at, { query })}'`,
    );
  };
  for (const el of [...inputs.map((i) => i.input), body].filter(Boolean)) el.addEventListener('input', say);
  say();

  async function go(e) {
    e.preventDefault();
    send.setAttribute('aria-busy', 'true');
    const { at, query } = target();
    const abort = new AbortController();
    const started = performance.now();
    picture.hidden = true;
    out.hidden = false;
    text(out, '');
    try {
      const response = await fetch(api.url(at, { query }), {
        method: method.toUpperCase(),
        cache: 'no-store',
        signal: abort.signal,
        headers: api.headers(type ? { 'Content-Type': type } : {}),
        body: body ? (isText ? body.value : body.files[0]) : undefined,
      });
      text(status, `${response.status} ${response.statusText} in ${millis(performance.now() - started)}`);
      await showAnswer(response, abort);
    } catch (error) {
      if (error.name !== 'AbortError') text(status, `No answer: ${error.message}`);
    } finally {
      send.removeAttribute('aria-busy');
    }
  }
  /** Streams are shown as they come, for a while; pictures as pictures. */
  async function showAnswer(response, abort) {
    const kind = response.headers.get('Content-Type') ?? '';
    if (kind.startsWith('image/') && method === 'get') {
      const { at, query } = target();
      abort.abort();
      picture.src = api.url(at, { query, auth: true });
      picture.hidden = false;
      out.hidden = true;
      return;
    }
    const endless = /event-stream|x-mixed-replace/.test(kind);
    const stop = endless ? setTimeout(() => abort.abort(), 5000) : null;
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    let all = '';
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || all.length > MAX_BODY) break;
      all += decoder.decode(value, { stream: true });
      text(out, all.slice(0, MAX_BODY));
    }
    clearTimeout(stop);
    try {
      if (kind.includes('json')) text(out, JSON.stringify(JSON.parse(all), null, 2).slice(0, MAX_BODY));
    } catch {
      /* shown as it came */
    }
  }

  const answers = Object.entries(op.responses ?? {});
  return h(
    'form',
    { class: 'try', onsubmit: go },
    op.description ? h('p', {}, op.description) : null,
    inputs.length
      ? h(
          'div',
          { class: 'params' },
          inputs.map(({ p, input }) => field(`${p.name}${p.required ? '' : ' (optional)'}`, input, p.description)),
        )
      : null,
    body ? field(`Body, ${type}`, body) : null,
    answers.length
      ? h(
          'p',
          { class: 'muted small' },
          'Answers: ',
          answers.map(([code, r]) => `${code} ${resolve(doc, r).description ?? ''}`.trim()).join(' · '),
        )
      : null,
    h('div', { class: 'row' }, send, status, h('span', { class: 'grow' }, curl)),
    out,
    picture,
  );
}

load();
