// Figures as people read them. Pure; no locale surprises: a point as decimal mark, thin spaces as SI wants them.

const NB = '\u00a0';
const DASH = '–';

export function fixed(value, digits) {
  return Number.isFinite(value) ? value.toFixed(digits) : DASH;
}

/** About three significant digits. */
export function short(value) {
  if (!Number.isFinite(value)) return DASH;
  const a = Math.abs(value);
  if (a === 0) return '0';
  if (a >= 1e6 || a < 1e-3) return value.toExponential(2);
  return a >= 100 ? value.toFixed(0) : a >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const BYTES = [
  [1 << 30, 'GiB'],
  [1 << 20, 'MiB'],
  [1 << 10, 'KiB'],
  [1, 'B'],
];
const SCALES = {
  Hz: [
    [1e9, 'GHz'],
    [1e6, 'MHz'],
    [1e3, 'kHz'],
    [1, 'Hz'],
  ],
  V: [
    [1, 'V'],
    [1e-3, 'mV'],
  ],
  A: [
    [1, 'A'],
    [1e-3, 'mA'],
  ],
  By: BYTES,
  'By/s': BYTES.map(([factor, name]) => [factor, `${name}/s`]),
  W: [
    [1e3, 'kW'],
    [1, 'W'],
    [1e-3, 'mW'],
  ],
};
const NAMES = {
  Cel: '°C',
  C: '°C',
  celsius: '°C',
  deg: '°',
  'm/s2': 'm/s²',
  1: '',
  none: '',
  count: '',
  'By/s': 'B/s',
};

export function unitName(unit) {
  return NAMES[unit] ?? unit ?? '';
}

/** What counts whole things has no decimals. */
const WHOLE = new Set(['state', 'count']);

/** Steps of an axis whose values go up to `biggest`: round ones of the unit that it is shown in, as 0.1 GiB. */
export function tickSteps(unit, biggest) {
  const factor = SCALES[unit]?.find(([f]) => biggest >= f)?.[0] ?? 1;
  return Array.from({ length: 24 }, (_, e) => [1, 2, 5].map((m) => m * 10 ** (e - 9) * factor)).flat();
}

/** A value with its unit and quantity, as the API describes them: new ones need no change here. */
export function quantity(value, unit, kind = null) {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return DASH;
  if (unit === 's' && value >= 120) return age(value);
  if (WHOLE.has(kind) && Number.isInteger(value)) return `${value}${unitName(unit) ? `${NB}${unitName(unit)}` : ''}`;
  const scale = SCALES[unit]?.find(([factor]) => Math.abs(value) >= factor) ?? SCALES[unit]?.at(-1);
  if (scale && value !== 0) return `${short(value / scale[0])}${NB}${scale[1]}`;
  const name = unitName(unit);
  return name ? `${short(value)}${NB}${name}` : short(value);
}

export function bitrate(kbps) {
  if (!Number.isFinite(kbps)) return DASH;
  return kbps >= 1000 ? `${(kbps / 1000).toFixed(1)}${NB}Mbit/s` : `${Math.round(kbps)}${NB}kbit/s`;
}

export function millis(ms) {
  if (!Number.isFinite(ms)) return DASH;
  return ms < 10
    ? `${ms.toFixed(1)}${NB}ms`
    : ms < 10000
      ? `${Math.round(ms)}${NB}ms`
      : `${(ms / 1000).toFixed(1)}${NB}s`;
}

export function percent(value) {
  if (!Number.isFinite(value)) return DASH;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)}${NB}%`;
}

export function bytes(n) {
  return quantity(n, 'By');
}

/** 4:05, 1:02:03 */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return DASH;
  const s = Math.max(0, Math.round(seconds));
  const pad = (n) => String(n).padStart(2, '0');
  const h = Math.floor(s / 3600);
  return h ? `${h}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
}

/** 3 d 4 h, 2 h 5 min, 12 min 27 s: how long something has been going on. */
export function age(seconds) {
  if (!Number.isFinite(seconds)) return DASH;
  const s = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(s / 86400), 'd'],
    [Math.floor(s / 3600) % 24, 'h'],
    [Math.floor(s / 60) % 60, 'min'],
    [s % 60, 's'],
  ];
  const large = parts.findIndex(([n]) => n > 0);
  const first = large < 0 ? parts.length - 1 : large; // nothing yet: 0 s
  return parts
    .slice(first, first + 2)
    .filter(([n], i) => n > 0 || i === 0)
    .map(([n, unit]) => `${n}${NB}${unit}`)
    .join(' ');
}

/**
 * Labels for the ticks of an axis: as many digits as it takes to tell neighbours apart, one unit for all of them.
 */
export function tickLabels(values, unit) {
  if (!values.length) return [];
  const biggest = Math.max(...values.map(Math.abs));
  const [factor, name] =
    SCALES[unit]?.find(([f]) => biggest >= f) ??
    (SCALES[unit] && biggest > 0 ? SCALES[unit].at(-1) : [1, unitName(unit)]);
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) / factor : biggest / factor;
  const digits = step > 0 ? Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))) : 0;
  const shown = values.map((v) => (v / factor).toFixed(digits));
  // 2.5, 5.0, 7.5: one digit more where rounding would make a step look uneven
  const exact = step > 0 && values.every((v, i) => Math.abs(Number(shown[i]) - v / factor) < step / 100);
  return (exact ? shown : values.map((v) => (v / factor).toFixed(Math.min(6, digits + 1)))).map((s) =>
    name ? `${s}${NB}${name}` : s,
  );
}

/** 12:04:05.123, local time */
export function clockTime(t, withMs = false) {
  const d = new Date(t);
  if (Number.isNaN(d.getTime())) return DASH;
  const pad = (n, w = 2) => String(n).padStart(w, '0');
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}${withMs ? `.${pad(d.getMilliseconds(), 3)}` : ''}`;
}

/** A name that a program gave -> what a person reads: `cpu_load` -> `cpu load` */
export function humanize(name) {
  return String(name ?? '')
    .replace(/[._-]+/g, ' ')
    .trim();
}

const SHORT = /^(cpu|gpu|usb|ram|pmic|soc|ssd|hdd|adc|pwm)\b/; // words that are written in capitals

/** on -> On, cpu busy -> CPU busy */
export function capital(word) {
  const s = String(word ?? '');
  if (SHORT.test(s)) return s.replace(SHORT, (w) => w.toUpperCase());
  return s ? s[0].toUpperCase() + s.slice(1) : s;
}

/** Tone of a state word; unknown words are neutral, so that new states need no change here. */
export function toneOf(state) {
  switch (String(state ?? '').toLowerCase()) {
    case 'ready':
    case 'ok':
    case 'on':
    case 'online':
    case 'running':
    case 'open':
    case 'healthy':
    case 'live':
    case 'connected':
    case 'device':
      return 'good';
    case 'fault':
    case 'error':
    case 'unreachable':
    case 'failed':
    case 'unhealthy':
    case 'unauthorized':
      return 'bad';
    case 'opening':
    case 'connecting':
    case 'starting':
    case 'busy':
    case 'recovering':
    case 'degraded':
    case 'waiting':
    case 'booting':
    case 'retrying':
    case 'closing':
      return 'warn';
    default:
      return 'neutral';
  }
}

/** What a terminal would show of a line: without its sequences and other control characters. */
export function printable(line) {
  return line
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g, '')
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '');
}
