// uPlot with our colours: one place that knows its options. Redraws when the colours change.

import { clockTime, tickLabels, tickSteps } from '../core/format.js';

let uPlot = null;

/** Fetches uPlot; before plot(). */
export async function loadPlot() {
  uPlot ??= (await import('../vendor/uplot/dist/uPlot.esm.js')).default;
}

const LEAST_S = 30; // the least span of time that is shown
const FONT_PX = 11;
export const COLORS = ['--plot-1', '--plot-2', '--plot-3', '--plot-4', '--plot-5', '--plot-6'];

/** Room around values that do not change: a flat line lies in the middle, not on an edge. */
function range(u, min, max) {
  if (min === null) return [0, 1];
  const room = max > min ? (max - min) * 0.12 : Math.abs(max) * 0.05 || 1;
  // what cannot be negative does not get an axis below zero
  return [min >= 0 && min - room < 0 ? 0 : min - room, max + room];
}

/**
 * @param {HTMLElement} el      its width is the plot's
 * @param {{series: {label: string, unit?: string, scale?: string}[], height: number, onHover?: (at: {t: number, values:
 * number[]} | null) => void, within?: () => number[] | null, onZoom?: (within: number[] | null) => void, together?:
 * string}} o
 *        data: [[seconds], [values or null], …]; null is a gap. `onHover`: what is under the pointer; null: nothing.
 *        `within`: [from, to] in s that is shown; null: all. `onZoom`: that was dragged over; null: a double click.
 *        `together`: plots of that name share their cursor
 */
export function plot(el, { series, height, onHover = () => {}, within = () => null, onZoom = null, together = null }) {
  let chart = null;
  let data = [[], ...series.map(() => [])];
  const second = series.find((s) => s.scale);

  function make() {
    chart?.destroy();
    const css = getComputedStyle(document.documentElement);
    // canvas needs resolved colours: let the browser resolve each custom property on an element
    const probe = document.createElement('i');
    document.body.append(probe); // `el` may not be on the page yet
    const color = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const ink = color('--ink-3'),
      grid = color('--plot-grid'),
      lines = COLORS.map((name) => color(name));
    probe.remove();
    const font = `${FONT_PX}px ${css.getPropertyValue('--font')}`;
    // a context of our own: uPlot remembers what it has set on its own one
    const ruler = document.createElement('canvas').getContext('2d');
    ruler.font = font;
    const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    // as wide as its longest label so far: an axis that grows and shrinks would make the line jump
    const widths = new Map();
    const wide = (_, labels, axisIndex, cycle) => {
      const now = widths.get(axisIndex) ?? 30;
      if (cycle > 1 || !labels?.length) return now; // uPlot asks until nothing changes
      const needed = Math.ceil(Math.max(...labels.map((l) => ruler.measureText(l ?? '').width))) + 12;
      widths.set(axisIndex, Math.max(now, needed));
      return Math.max(now, needed);
    };
    const values = (unit) => ({
      values: (_, ticks) => tickLabels(ticks, unit),
      incrs: (_u, _axis, least, most) => tickSteps(unit, Math.max(Math.abs(least), Math.abs(most))),
      size: wide,
      gap: 6,
      space: 28,
    });
    chart = new uPlot(
      {
        width: Math.max(120, el.clientWidth),
        height,
        pxAlign: 1,
        legend: { show: false },
        padding: [8, second ? 0 : 30, 0, 0], // half of the last time
        cursor: {
          y: false,
          points: { size: 6 },
          drag: { x: Boolean(onZoom), y: false, setScale: false },
          ...(together ? { sync: { key: together } } : {}),
          bind: {
            dblclick: () => () => {
              onZoom?.(null);
              return null;
            },
          },
        },
        hooks: {
          setSelect: [
            (u) => {
              const { left, width } = u.select;
              if (!(width > 4)) return;
              u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
              onZoom?.([u.posToVal(left, 'x'), u.posToVal(left + width, 'x')]);
            },
          ],
          setCursor: [
            (u) => {
              const i = u.cursor.left >= 0 ? u.cursor.idx : null;
              onHover(i === null || i === undefined ? null : { t: data[0][i], values: data.slice(1).map((v) => v[i]) });
            },
          ],
        },
        scales: {
          x: {
            time: true,
            range: (_, min, max) => within() ?? (min === null ? [0, LEAST_S] : [Math.min(min, max - LEAST_S), max]),
          },
          y: { range },
          ...(second ? { [second.scale]: { range } } : {}),
        },
        axes: [
          {
            ...axis,
            size: 22,
            space: 80,
            values: (_, ticks) => ticks.map((t) => (t % 1 || !data[0].length ? '' : clockTime(t * 1000))),
          },
          { ...axis, ...values(series[0].unit) },
          ...(second ? [{ ...axis, ...values(second.unit), side: 1, grid: { show: false }, scale: second.scale }] : []),
        ],
        series: [
          {},
          ...series.map((s, i) => ({
            label: s.label,
            stroke: lines[i % lines.length],
            width: 1.5,
            ...(s.scale ? { scale: s.scale } : {}),
            spanGaps: false,
            // a sample with a gap on either side has no line: it is a dot
            points: { show: true, size: 4, fill: lines[i % lines.length], filter: (u, at) => lonely(u.data[at]) },
          })),
        ],
      },
      data,
      el,
    );
  }

  make();
  const onTheme = () => make();
  const media = window.matchMedia('(prefers-color-scheme: dark)');
  document.addEventListener('testbed-theme', onTheme);
  media.addEventListener('change', onTheme);
  const resize = new ResizeObserver(() => {
    if (chart && el.clientWidth && Math.abs(el.clientWidth - chart.width) > 2)
      chart.setSize({ width: el.clientWidth, height });
  });
  resize.observe(el);

  return {
    setData(next) {
      data = next;
      chart.setData(next);
    },
    destroy() {
      resize.disconnect();
      document.removeEventListener('testbed-theme', onTheme);
      media.removeEventListener('change', onTheme);
      chart.destroy();
    },
  };
}

/** Several series [[s], [values]] as one, by their times; where one has no sample it is undefined, which is no gap. */
export const joined = (all) => (all.length > 1 ? uPlot.join(all) : all[0]);

/** Whether the next value that way is one; undefined is not there at all. */
function near(values, i, step) {
  do i += step;
  while (values[i] === undefined && i >= 0 && i < values.length);
  return Number.isFinite(values[i]);
}

/** Indices of the values that have no neighbour. */
function lonely(values) {
  const out = [];
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i]) && !near(values, i, -1) && !near(values, i, 1)) out.push(i);
  }
  return out;
}
