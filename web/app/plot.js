// uPlot with our colours: one place that knows its options. Redraws when the colours change.

import uPlot from '../vendor/uplot/dist/uPlot.esm.js';
import { clockTime, quantity } from '../core/format.js';

/**
 * @param {HTMLElement} el      its width is the plot's
 * @param {{series: {label: string, unit?: string, scale?: string}[], height: number}} o    data: [[seconds], [values], …]
 */
export function plot(el, { series, height }) {
  let chart = null;
  let data = [[], ...series.map(() => [])];

  function make() {
    chart?.destroy();
    const css = getComputedStyle(document.documentElement);
    // canvas needs resolved colours: let the browser resolve each custom property on an element
    const probe = document.createElement('i');
    el.append(probe);
    const color = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const ink = color('--ink-3'), grid = color('--plot-grid'), lines = [color('--plot-1'), color('--plot-2')];
    probe.remove();
    const axis = { stroke: ink, font: `11px ${css.getPropertyValue('--font')}`, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    chart = new uPlot({
      width: Math.max(120, el.clientWidth), height, pxAlign: 1, legend: { show: false },
      cursor: { y: false, points: { size: 5 } },
      scales: { x: { time: true, range: (_, min, max) => (min === null ? [0, 1] : [Math.min(min, max - 30), max]) }, ...(series.some((s) => s.scale) ? { [series.find((s) => s.scale).scale]: { auto: true } } : {}) },
      axes: [
        { ...axis, size: 22, space: 80, values: (_, ticks) => ticks.map((t) => (t % 1 ? '' : clockTime(t * 1000))) },
        { ...axis, size: 58, values: (_, ticks) => ticks.map((v) => quantity(v, series[0].unit)) },
        ...(series.some((s) => s.scale) ? [{ ...axis, side: 1, size: 48, grid: { show: false }, scale: series.find((s) => s.scale).scale, values: (_, ticks) => ticks.map((v) => quantity(v, '')) }] : []),
      ],
      series: [{}, ...series.map((s, i) => ({ label: s.label, stroke: lines[i % lines.length], width: 1.5, ...(s.scale ? { scale: s.scale } : {}), points: { show: false }, spanGaps: true }))],
    }, data, el);
  }

  make();
  const onTheme = () => make();
  const media = window.matchMedia('(prefers-color-scheme: dark)');
  document.addEventListener('testbed-theme', onTheme);
  media.addEventListener('change', onTheme);
  const resize = new ResizeObserver(() => {
    if (chart && el.clientWidth && Math.abs(el.clientWidth - chart.width) > 2) chart.setSize({ width: el.clientWidth, height });
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
