// Places in the sky as people read and write them (lib/sky.c does the same for scripts), and how far two are apart.

/** What one can do with a mount: its verbs, and what stands below its path. */
export const MOUNT_OPS = new Set(
  'goto move stop park track sync focus exposure gain view stack enhance ask'.split(' '),
);
const HOUR = /^(?:h|:| )?$/i;

/** A number of hours (`ra`) or degrees; NaN where it is none: "5h35m17.3s", "5:35:17", "-5°23′28″", "83.82°" of hours. */
export function parseSky(said, ra) {
  const text = String(said).trim().replace(/^−/, '-').replace(/\s+/g, ' ');
  const degrees = ra && /deg|°|d/i.test(text);
  const m =
    /^([+-]?)(\d{1,6}(?:\.\d*)?) ?(h|deg|°|d|:)? ?(?:(\d{1,6}(?:\.\d*)?) ?(m|'|′|:)? ?)?(?:(\d{1,6}(?:\.\d*)?) ?(s|"|″|'')? ?)?$/i.exec(
      text,
    );
  if (!m) return NaN;
  const [, sign, first, unit = '', minutes, , seconds] = m;
  if (ra ? !degrees && !HOUR.test(unit) : /h/i.test(unit)) return NaN;
  if (minutes !== undefined && (first.includes('.') || minutes >= 60)) return NaN;
  if (seconds !== undefined && (minutes === undefined || minutes.includes('.') || seconds >= 60)) return NaN;
  const value = (Number(first) + Number(minutes ?? 0) / 60 + Number(seconds ?? 0) / 3600) / (degrees ? 15 : 1);
  if (ra ? sign === '-' || value >= 24 : value > 90) return NaN;
  return sign === '-' ? -value : value;
}

const two = (n) => String(n).padStart(2, '0');

/** "5h 35m 17.3s", "−5° 23′ 28″"; '–' for what is not known. */
export function formatSky(value, ra) {
  if (!Number.isFinite(value)) return '–';
  if (ra) {
    const t = Math.round(value * 36000) % 864000;
    return `${Math.floor(t / 36000)}h ${two(Math.floor(t / 600) % 60)}m ${two(Math.floor(t / 10) % 60)}.${t % 10}s`;
  }
  const s = Math.round(Math.abs(value) * 3600);
  return `${value < 0 && s ? '−' : '+'}${Math.floor(s / 3600)}° ${two(Math.floor(s / 60) % 60)}′ ${two(s % 60)}″`;
}

/** Degrees between two places. */
export function apart(ra1, dec1, ra2, dec2) {
  const r = Math.PI / 180;
  const [a, b, d] = [dec1 * r, dec2 * r, (ra1 - ra2) * 15 * r];
  const half = Math.sin((a - b) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(d / 2) ** 2;
  return (2 * Math.asin(Math.min(1, Math.sqrt(half)))) / r;
}

const WORDS = {
  goto: 'Going to',
  slew: 'Slewing',
  solve: 'Looking where it points',
  autofocus: 'Focusing',
  stack: 'Stacking',
  live: 'Live view',
  darks: 'Taking dark pictures',
  park: 'Folding up',
  open: 'Opening its arm',
  filter: 'Changing the filter',
  focuser: 'Moving the focuser',
  initialise: 'Getting ready',
  'polar-align': 'Aligning with the pole',
};

/** What a mount does now, a sentence each: [{words, bad}]; what failed stays until it is begun again. */
export function doingWords(m) {
  return (m?.doings ?? [])
    .filter((d) => d.what !== 'view' && (d.under_way || d.state === 'fail'))
    .map((d) => {
      const name = WORDS[d.what] ?? d.what;
      if (!d.under_way) return { words: `${name} failed${d.error ? `: ${d.error}` : ''}`, bad: true };
      const t = m.target ?? {};
      let more = '';
      if (d.what === 'goto' || d.what === 'slew') {
        const left = apart(m.ra_hours, m.dec_deg, t.ra_hours, t.dec_deg);
        more = `${d.what === 'goto' && t.name ? ` ${t.name}` : ''}${Number.isFinite(left) ? `, ${left.toFixed(left < 1 ? 2 : 0)}° to go` : ''}`;
      } else if (d.what === 'stack' && m.stack) {
        more = `: ${m.stack.frames} ${m.stack.frames === 1 ? 'picture' : 'pictures'}${m.stack.dropped ? `, ${m.stack.dropped} left out` : ''}`;
      }
      return { words: name + more, bad: false };
    });
}
