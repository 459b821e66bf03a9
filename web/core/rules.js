// Rules in words, and between a form and JSON: no DOM.

const num = (v) => (v === undefined || v === null || v === '' ? undefined : Number(v));

/** "video.motion is above 0.02, 2 times in a row" */
export function whenWords(rule) {
  const w = rule.when ?? {};
  const of = w.interface ? ` of ${w.interface}` : '';
  if (w.stream) {
    const limit = w.outside
      ? `outside ${w.outside[0]} to ${w.outside[1]}`
      : w.above !== undefined
        ? `above ${w.above}`
        : `below ${w.below}`;
    const times = w.samples > 1 ? `, ${w.samples} times in a row` : '';
    return `${w.stream}${of} is ${limit}${times}${w.for_s ? `, for ${w.for_s} s` : ''}`;
  }
  if (w.console) return `the console${of} prints ${w.console}`;
  if (w.event) {
    const where = Object.entries(w.where ?? {}).map(([k, v]) => `${k} ${v}`);
    if (w.differ) where.push(`${w.differ[0]} is not ${w.differ[1]}`);
    return `${w.event}${of}${where.length ? `: ${where.join(', ')}` : ''}`;
  }
  if (w.missing) return `nothing of ${w.missing === 'console' ? `the console${of}` : w.missing} for ${w.for_s} s`;
  if (w.at) return `each day at ${w.at}`;
  return `every ${w.every_s} s`;
}

/** "recording.clip, power.cycle, tell the pages" */
export function thenWords(rule) {
  const words = (rule.then ?? []).map((a) => {
    if (a.verb) return a.device && a.device !== rule.device ? `${a.verb} of ${a.device}` : a.verb;
    if (a.notify) return `say “${a.notify}”`;
    return `tell ${hostOf(a.webhook)}`;
  });
  return words.join(', then ');
}

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

/** How it is: {tone, label, words}. */
export function stateOf(rule, now = Date.now()) {
  const s = rule.state ?? {};
  if (!rule.enabled) return { tone: 'neutral', label: 'Off', words: 'It rests.' };
  if (s.trouble) return { tone: 'bad', label: 'Cannot watch', words: s.trouble };
  if (s.cool_until > now)
    return { tone: 'warn', label: 'Fired', words: `It may fire again in ${Math.ceil((s.cool_until - now) / 1000)} s.` };
  if (rule.dry_run) return { tone: 'neutral', label: 'Dry run', words: 'It says that it fires, and does nothing.' };
  return { tone: 'good', label: 'Watching', words: s.fired ? '' : 'It has not fired since the host started.' };
}

/** The limit that the live value stands beside: {low, high}; null: there is none. */
export function limitOf(rule) {
  const w = rule.when ?? {};
  if (!w.stream) return null;
  if (w.outside) return { low: w.outside[0], high: w.outside[1] };
  return { low: w.below ?? null, high: w.above ?? null };
}

/** Whether a value is so. */
export function isSo(rule, value) {
  const l = limitOf(rule);
  return !!l && Number.isFinite(value) && ((l.high !== null && value > l.high) || (l.low !== null && value < l.low));
}

/** What the form holds of a rule; texts. */
export function formOf(rule = {}) {
  const w = rule.when ?? {};
  const sort = ['stream', 'console', 'event', 'missing', 'at', 'every_s'].find((k) => w[k] !== undefined) ?? 'stream';
  const how = w.outside ? 'outside' : w.below !== undefined ? 'below' : 'above';
  return {
    name: rule.name ?? '',
    device: rule.device ?? '',
    sort,
    text: String(w[sort] ?? ''),
    interface: w.interface ?? '',
    how,
    limit: how === 'outside' ? w.outside.join(' ') : String(w[how] ?? ''),
    samples: String(w.samples ?? (w.stream ? 1 : 2)),
    for_s: String(w.for_s ?? (sort === 'missing' ? 60 : 0)),
    hysteresis: String(w.hysteresis ?? 0),
    repeat: !!w.repeat,
    where: Object.entries(w.where ?? {})
      .map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`)
      .join(' '),
    differ: (w.differ ?? []).join(' '),
    power: rule.while?.power ?? '',
    then: (rule.then ?? [{ notify: '' }]).map((a) => ({
      sort: a.verb !== undefined ? 'verb' : a.webhook !== undefined ? 'webhook' : 'notify',
      text: a.verb ?? a.webhook ?? a.notify ?? '',
      params: a.params ? JSON.stringify(a.params) : '',
      device: a.device ?? '',
      secret: a.secret ?? '',
    })),
    cooldown_s: String(rule.cooldown_s ?? 30),
    per_hour: String(rule.per_hour ?? 60),
    active: rule.active ?? '',
    lease: rule.lease ?? 'respect',
    dry_run: !!rule.dry_run,
    enabled: rule.enabled ?? true,
    note: rule.note ?? '',
  };
}

function plain(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? text : value;
  } catch {
    return text;
  }
}

/** "state=fault ok=true" -> {state: 'fault', ok: true} */
function fieldsOf(text) {
  const words = text.split(/\s+/).filter(Boolean);
  return Object.fromEntries(words.map((w) => [w.split('=')[0], plain(w.slice(w.indexOf('=') + 1))]));
}

function whenOf(f) {
  const when = {};
  if (f.sort === 'every_s') when.every_s = num(f.text);
  else when[f.sort] = f.text;
  if (f.interface && !['at', 'every_s'].includes(f.sort)) when.interface = f.interface;
  if (f.sort === 'stream') {
    when[f.how] =
      f.how === 'outside'
        ? f.limit
            .split(/[\s,;]+/)
            .filter(Boolean)
            .map(Number)
        : num(f.limit);
    if (num(f.samples) > 1) when.samples = num(f.samples);
    if (num(f.hysteresis)) when.hysteresis = num(f.hysteresis);
    if (f.repeat) when.repeat = true;
  }
  if ((f.sort === 'stream' && num(f.for_s)) || f.sort === 'missing') when.for_s = num(f.for_s);
  if (f.sort === 'event' && f.where.trim()) when.where = fieldsOf(f.where);
  if (f.sort === 'event' && f.differ.trim()) when.differ = f.differ.trim().split(/[\s,]+/);
  return when;
}

/** The rule that a form means. Throws an Error in words for what cannot be sent at all. */
export function ruleOf(f) {
  const then = f.then.map((a, i) => {
    if (a.sort === 'notify') return { notify: a.text };
    if (a.sort === 'webhook') return { webhook: a.text, ...(a.secret ? { secret: a.secret } : {}) };
    const action = { verb: a.text.trim() };
    if (a.device) action.device = a.device;
    if (a.params.trim()) {
      try {
        action.params = JSON.parse(a.params);
      } catch {
        throw new Error(`Action ${i + 1}: the parameters are no JSON, like {"pre_s": 10}.`);
      }
    }
    return action;
  });
  const rule = { name: f.name.trim(), when: whenOf(f), then };
  if (f.device) rule.device = f.device;
  if (f.note.trim()) rule.note = f.note.trim();
  if (f.power) rule.while = { power: f.power };
  if (f.active.trim()) rule.active = f.active.trim();
  return {
    ...rule,
    cooldown_s: num(f.cooldown_s),
    per_hour: num(f.per_hour),
    lease: f.lease,
    dry_run: f.dry_run,
    enabled: f.enabled,
  };
}
