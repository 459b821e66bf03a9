// Something that was recorded, played: picture, console, samples, events and who typed and pointed, in step.

import { clockTime, quantity } from '../../core/format.js';
import { inputOf } from '../../core/recorded-input.js';
import { countUntil, pathOf, rowsOf, streamsOf } from '../../core/recording.js';
import { describe } from '../../core/store.js';
import { empty, fill, h, icon, notice, Scope, set, text } from '../dom.js';
import { recordedConsole } from './player-console.js';
import { recordedPointer } from './player-input.js';

const FRAME_S = 1 / 30; // a step, where nobody knows how long a picture is
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];
const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {{from: number, to: number, film: string, lines: () => Promise<string>, at: number,
 * onTime: (t: number) => void, tools: Node[]}} what   moments in ms
 * Returns {seek(t), now(), close()}.
 */
export function mountPlayer(root, svc, { from, to, film, lines, at, onTime = () => {}, tools = [] }) {
  const scope = new Scope();
  let happenings = []; // [{t, text}] of the list
  let now = Math.min(Math.max(at ?? from, from), to);
  let clock = null; // without a picture, time goes by itself
  let has = true;

  const video = h('video', {
    src: film,
    preload: 'auto',
    playsinline: true,
    muted: true,
    'aria-label': 'Recorded picture',
  });
  const when = h('output', { class: 'num rec-when' });
  const place = h('input', {
    type: 'range',
    min: 0,
    max: to - from,
    step: 10,
    'aria-label': 'Moment',
    class: 'rec-place',
  });
  const play = h('button', { type: 'button', class: 'btn icon-only' });
  const speed = h(
    'select',
    { class: 'input', 'aria-label': 'Speed' },
    SPEEDS.map((s) => h('option', { value: s, selected: s === 1 }, `${s} ×`)),
  );
  const step = (n, label) =>
    h(
      'button',
      { type: 'button', class: 'btn', title: label, 'aria-label': label, onclick: () => stepBy(n) },
      n < 0 ? '−1' : '+1',
    );
  const pointer = recordedPointer(video);
  const stage = h('div', { class: 'rec-stage' }, video, pointer.el);
  const console_ = recordedConsole(svc, { now: () => now, seek: (t) => seek(t) });
  const events = h('ol', { class: 'timeline compact rec-events', 'aria-label': 'Events' });
  const plots = h('div', { class: 'rec-plots' });

  fill(
    root,
    h(
      'div',
      { class: 'rec-player' },
      h(
        'section',
        { class: 'panel rec-pad rec-left', 'aria-label': 'Picture' },
        stage,
        place,
        h(
          'div',
          { class: 'rec-bar' },
          step(-1, 'One picture back'),
          play,
          step(1, 'One picture on'),
          speed,
          when,
          h('span', { class: 'spacer' }),
          tools,
        ),
        plots,
      ),
      h(
        'section',
        { class: 'panel rec-pad rec-right', 'aria-label': 'Console and events' },
        console_.el,
        h('h2', {}, 'Events'),
        events,
      ),
    ),
  );

  const isPlaying = () => (has ? !video.paused && !video.ended : clock !== null);
  function showPlay() {
    const on = isPlaying();
    fill(play, icon(on ? 'stop' : 'play'));
    set(play, { 'aria-label': on ? 'Pause' : 'Play', title: on ? 'Pause' : 'Play' });
  }

  // ---- time ----
  function showTime() {
    text(when, clockTime(now, true));
    place.value = now - from;
    set(place, { 'aria-valuetext': clockTime(now, true) });
    const happened = countUntil(happenings, now);
    console_.show(now);
    pointer.show(now);
    [...events.children].forEach((li, i) => li.classList.toggle('later', i >= happened));
    const last = events.children[happened - 1];
    if (last) events.scrollTop = last.offsetTop - events.offsetTop - events.clientHeight / 2;
    for (const el of plots.children) el.show(now);
    onTime(now);
  }
  function seek(t) {
    now = Math.min(Math.max(t, from), to);
    if (has) video.currentTime = (now - from) / 1000;
    showTime();
  }
  function stepBy(n) {
    pause();
    seek(now + n * FRAME_S * 1000);
  }
  function pause() {
    video.pause();
    clearInterval(clock);
    clock = null;
    showPlay();
  }
  function start() {
    if (now >= to - 20) seek(from);
    if (has) {
      video.play().catch((e) => svc.toast.error(e, 'Play'));
      return;
    }
    let last = performance.now();
    clock = setInterval(() => {
      const t = performance.now();
      now = Math.min(to, now + (t - last) * Number(speed.value));
      last = t;
      showTime();
      if (now >= to) pause();
    }, 50);
    showPlay();
  }
  play.addEventListener('click', () => (isPlaying() ? pause() : start()));
  place.addEventListener('input', () => seek(from + Number(place.value)));
  speed.addEventListener('change', () => (video.playbackRate = Number(speed.value)));
  const follow = () => {
    now = from + video.currentTime * 1000;
    showTime();
    if (!scope.closed && !video.paused) video.requestVideoFrameCallback?.(follow);
  };
  video.addEventListener('timeupdate', () => !video.seeking && follow());
  for (const name of ['play', 'pause', 'ended']) video.addEventListener(name, showPlay);
  video.addEventListener('play', () => video.requestVideoFrameCallback?.(follow));
  video.addEventListener('loadedmetadata', () => seek(now), { once: true });
  video.addEventListener('error', () => {
    has = false;
    fill(stage, empty('screen', 'There is no picture of this time.'));
    showPlay();
  });
  video.addEventListener('click', () => play.click());
  scope.listen(document, 'keydown', (e) => {
    if (e.target.closest?.('input, select, textarea, button, pre') || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === ' ') play.click();
    else if (e.key === 'ArrowLeft' || e.key === ',') stepBy(-1);
    else if (e.key === 'ArrowRight' || e.key === '.') stepBy(1);
    else return;
    e.preventDefault();
  });

  // ---- what was said ----
  function plotOf(stream, { unit, points }) {
    const svg = document.createElementNS(SVG, 'svg');
    const path = document.createElementNS(SVG, 'path');
    svg.setAttribute('viewBox', '0 0 400 40');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    path.setAttribute('d', pathOf(points, { from, to }, 400, 40));
    svg.append(path);
    const value = h('span', { class: 'num' });
    const cursor = h('i', {});
    const el = h(
      'div',
      { class: 'rec-plot' },
      h('span', { class: 'ellipsis' }, stream),
      value,
      h('div', {}, svg, cursor),
    );
    el.show = (t) => {
      const n = countUntil(
        points.map(([at_]) => ({ t: at_ })),
        t,
      );
      text(value, n ? quantity(points[n - 1][1], unit) : '');
      cursor.style.left = `${((t - from) / (to - from)) * 100}%`;
    };
    return el;
  }
  lines()
    .then((all) => {
      if (scope.closed) return;
      const rows = rowsOf(all);
      const input = inputOf(rows);
      happenings = rows
        .filter((r) => r.kind === 'event')
        .map((r) => ({ t: r.t, text: describe(r.event) }))
        .concat(input.list)
        .sort((a, b) => a.t - b.t);
      console_.load(rows);
      pointer.load(input.places);
      fill(
        events,
        happenings.map((r) =>
          h(
            'li',
            {},
            h(
              'time',
              {},
              h('button', { type: 'button', class: 'link', onclick: () => seek(r.t) }, clockTime(r.t, true)),
            ),
            h('span', { class: 'what' }, r.text),
          ),
        ),
      );
      if (!events.children.length)
        fill(events, h('li', { class: 'muted' }, h('span', {}), 'Nothing happened in this time.'));
      fill(
        plots,
        Object.entries(streamsOf(rows))
          .slice(0, 12)
          .map(([name, s]) => plotOf(name, s)),
      );
      showTime();
    })
    .catch((error) => !scope.closed && console_.failed(notice('bad', error.message)));

  showPlay();
  showTime();
  scope.add(() => {
    pause();
    console_.close();
    video.removeAttribute('src');
    video.load();
  });
  return { seek, now: () => now, close: () => scope.close() };
}
