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

const SCALES = {
  Hz: [[1e9, 'GHz'], [1e6, 'MHz'], [1e3, 'kHz'], [1, 'Hz']],
  V: [[1, 'V'], [1e-3, 'mV']],
  A: [[1, 'A'], [1e-3, 'mA']],
  By: [[1 << 30, 'GiB'], [1 << 20, 'MiB'], [1 << 10, 'KiB'], [1, 'B']],
  W: [[1e3, 'kW'], [1, 'W'], [1e-3, 'mW']],
};
const NAMES = { Cel: '°C', C: '°C', celsius: '°C', deg: '°', 'm/s2': 'm/s²', '1': '', none: '', count: '' };

export function unitName(unit) {
  return NAMES[unit] ?? unit ?? '';
}

/** A value with its unit, as the API describes it: new units need no change here. */
export function quantity(value, unit) {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return DASH;
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
  return ms < 10 ? `${ms.toFixed(1)}${NB}ms` : ms < 10000 ? `${Math.round(ms)}${NB}ms` : `${(ms / 1000).toFixed(1)}${NB}s`;
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

/** 12:04:05.123, local time */
export function clockTime(t, withMs = false) {
  const d = new Date(t);
  if (Number.isNaN(d.getTime())) return DASH;
  const pad = (n, w = 2) => String(n).padStart(w, '0');
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}${withMs ? `.${pad(d.getMilliseconds(), 3)}` : ''}`;
}

/** A name that a program gave -> what a person reads: `cpu_load` -> `cpu load` */
export function humanize(name) {
  return String(name ?? '').replace(/[._-]+/g, ' ').trim();
}

/** on -> On */
export function capital(word) {
  const s = String(word ?? '');
  return s ? s[0].toUpperCase() + s.slice(1) : s;
}

/** Tone of a state word; unknown words are neutral, so that new states need no change here. */
export function toneOf(state) {
  switch (String(state ?? '').toLowerCase()) {
  case 'ready': case 'ok': case 'on': case 'online': case 'running': case 'open': case 'healthy': case 'live': case 'connected': case 'device':
    return 'good';
  case 'fault': case 'error': case 'unreachable': case 'failed': case 'unhealthy': case 'unauthorized':
    return 'bad';
  case 'opening': case 'connecting': case 'starting': case 'busy': case 'recovering': case 'degraded': case 'waiting': case 'booting':
  case 'retrying': case 'closing':
    return 'warn';
  default:
    return 'neutral';
  }
}
