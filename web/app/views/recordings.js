// Recordings: a time line of a device from days to pictures, its clips, and what was recorded at the moment that one
// picks.

import { bytes, clockTime, duration } from '../../core/format.js';
import { gapsOf, panned, shareOf, ticksOf, windowAround, zoomed } from '../../core/recording.js';
import { actionButton, badge, confirmDialog, empty, fill, h, icon, notice, Scope, set, text } from '../dom.js';
import { mountPlayer } from './player.js';
import { uplink } from './uplink.js';

const HOUR = 3600000;
const day = (t) => new Date(t).toLocaleDateString(undefined, { weekday: 'short', day: 'numeric', month: 'short' });

export function mount(root, svc, { rest = [] } = {}) {
  const scope = new Scope();
  let device = null;
  let recording = { spans: [], mode: 'off' };
  let clips = [];
  let view = { from: Date.now() - HOUR, to: Date.now() };
  let player = null;
  let loaded = null; // {from, to, clip}
  let marks = { from: null, to: null };
  let asked = 0;

  const select = h('select', { class: 'input', 'aria-label': 'Device' });
  const state = badge('', 'neutral');
  const search = h('input', {
    class: 'input rec-search',
    type: 'search',
    placeholder: 'Note, device, rule',
    'aria-label': 'Find a clip',
  });
  const line = h('div', {
    class: 'rec-line',
    tabindex: 0,
    role: 'slider',
    'aria-label': 'Time line: arrows move, plus and minus zoom, Enter plays',
  });
  const about = h('span', { class: 'muted small' });
  const nothing = h('span', { class: 'small', role: 'status' });
  const playerBox = h('div', {});
  const sent = uplink(svc, scope);
  const list = h('ul', { class: 'list rec-clips', 'aria-label': 'Clips' });
  const zoom = (factor, around) => ((view = zoomed(view, factor, around)), draw());
  const tool = (label, run, name) =>
    h(
      'button',
      { type: 'button', class: 'btn', title: name ?? label, 'aria-label': name ?? label, onclick: run },
      label,
    );

  fill(
    root,
    h('div', { class: 'head' }, h('h1', {}, 'Recordings'), select, state, h('span', { class: 'spacer' }), search),
    h(
      'section',
      { class: 'panel rec-pad', 'aria-label': 'Time line' },
      h(
        'div',
        { class: 'rec-bar' },
        tool('−', () => zoom(2), 'Zoom out'),
        tool('+', () => zoom(0.5), 'Zoom in'),
        tool('‹', () => move(-0.5), 'Earlier'),
        tool('›', () => move(0.5), 'Later'),
        tool('Hour', () => near(HOUR)),
        tool('Day', () => near(24 * HOUR)),
        tool('All', () => everything()),
        about,
        nothing,
      ),
      line,
    ),
    playerBox,
    h('section', { class: 'panel rec-pad', 'aria-label': 'Clips' }, h('h2', {}, 'Clips'), sent.head, list),
  );

  const failed = (error) => !scope.closed && svc.toast.error(error, 'Recordings');
  const move = (share) => ((view = panned(view, (view.to - view.from) * share)), draw());
  function near(span) {
    view = { from: Date.now() - span, to: Date.now() };
    refresh().catch(failed);
  }
  function everything() {
    const first = Math.min(...recording.spans.map((s) => s.from), ...clips.map((c) => c.from), Date.now() - 60000);
    view = zoomed({ from: first, to: Date.now() }, 1.05);
    draw();
  }

  // ---- the time line ----
  const cursor = h('i', { class: 'rec-cursor' });
  function bar(className, { from, to }, props = {}) {
    const left = Math.max(0, shareOf(view, from));
    const right = Math.min(1, shareOf(view, to));
    if (right < 0 || left > 1) return null;
    const el = h('div', { class: className, ...props });
    el.style.left = `${left * 100}%`;
    el.style.width = `max(3px, ${Math.max(0, right - left) * 100}%)`;
    return el;
  }
  function draw() {
    const { step, ticks } = ticksOf(
      view,
      Math.max(2, Math.floor(line.clientWidth / 110)),
      new Date().getTimezoneOffset(),
    );
    const label = (t) => (step >= 24 * HOUR ? day(t) : clockTime(t, step < 1000));
    fill(
      line,
      ticks.map((t) => {
        const el = h('span', { class: 'rec-tick num' }, label(t));
        el.style.left = `${shareOf(view, t) * 100}%`;
        return el;
      }),
      recording.spans.map((s) => bar('rec-span', s)),
      clips.filter((c) => c.device === device).map((c) => bar(`rec-mark ${c.state}`, c, { title: c.note || 'Clip' })),
      loaded ? bar('rec-loaded', loaded) : null,
      marks.from !== null && marks.to !== null ? bar('rec-cut', marks) : null,
      cursor,
    );
    text(about, `${day(view.from)} ${clockTime(view.from)} to ${clockTime(view.to)}`);
    drawCursor();
  }
  function drawCursor() {
    const t = player?.now();
    cursor.hidden = t === undefined || t < view.from || t > view.to;
    if (t !== undefined) cursor.style.left = `${shareOf(view, t) * 100}%`;
    set(line, { 'aria-valuetext': t === undefined ? 'nothing is loaded' : `${day(t)} ${clockTime(t, true)}` });
  }
  const momentOf = (e) => {
    const box = line.getBoundingClientRect();
    return view.from + ((e.clientX - box.left) / box.width) * (view.to - view.from);
  };
  line.addEventListener(
    'wheel',
    (e) => {
      e.preventDefault();
      if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) move((e.deltaX || e.deltaY) / 1000);
      else zoom(Math.exp(e.deltaY / 400), momentOf(e));
    },
    { passive: false },
  );
  line.addEventListener('pointerdown', (e) => {
    const start = e.clientX;
    const was = view;
    let dragged = false;
    line.setPointerCapture(e.pointerId);
    const drag = (m) => {
      const x = m.clientX - start;
      dragged ||= Math.abs(x) > 4;
      if (!dragged) return;
      view = panned(was, (-x / line.clientWidth) * (was.to - was.from));
      draw();
    };
    line.addEventListener('pointermove', drag);
    const end = (u) => {
      line.removeEventListener('pointermove', drag);
      line.removeEventListener('pointerup', end);
      line.removeEventListener('pointercancel', end);
      if (!dragged && u.type === 'pointerup') go(momentOf(u));
    };
    line.addEventListener('pointerup', end);
    line.addEventListener('pointercancel', end);
  });
  line.addEventListener('keydown', (e) => {
    const keys = {
      ArrowLeft: () => move(-0.1),
      ArrowRight: () => move(0.1),
      '+': () => zoom(0.5),
      '-': () => zoom(2),
      Enter: () => go((view.from + view.to) / 2),
    };
    if (!keys[e.key]) return;
    keys[e.key]();
    e.preventDefault();
    e.stopPropagation();
  });

  // ---- what is played ----
  const here = (t) => `#/recordings/${encodeURIComponent(device)}/${Math.round(t)}`;
  function open(what, at) {
    player?.close();
    loaded = what;
    marks = { from: null, to: null };
    const { clip } = what;
    const base = clip ? `host/clips/${encodeURIComponent(clip.clip)}` : `${svc.api.device(device)}/recording`;
    const query = clip ? {} : { from: what.from, to: what.to };
    const url = (file, over = query) => svc.api.url(`${base}/${file}`, { auth: true, query: over });
    const cutLink = h('a', { class: 'btn', hidden: true, download: true }, icon('download'), 'Cut');
    const mark = (end) => () => {
      marks[end] = player.now();
      const { from, to } = marks;
      cutLink.hidden = from === null || to === null || to <= from;
      cutLink.href = svc.api.url(`${svc.api.device(device)}/recording/video.mp4`, {
        auth: true,
        query: { from: Math.round(from ?? 0), to: Math.round(to ?? 0) },
      });
      draw();
    };
    player = mountPlayer(playerBox, svc, {
      ...what,
      at,
      film: url('video.mp4'),
      lines: () => svc.api.raw('GET', `${base}/events.jsonl`, { query }).then((r) => r.text()),
      onTime: drawCursor,
      tools: [
        tool('In', mark('from'), 'The cut begins here'),
        tool('Out', mark('to'), 'The cut ends here'),
        cutLink,
        actionButton(
          { title: 'Copy a link to this moment' },
          [icon('link'), 'Link'],
          async () => {
            await navigator.clipboard.writeText(new URL(here(player.now()), location.href).href);
            svc.toast.info?.('The link is copied.');
          },
          failed,
        ),
        h(
          'a',
          {
            class: 'btn',
            href: clip ? url('bundle.tar') : url('video.mp4'),
            download: true,
            title: clip ? 'All of it as one file' : 'This film',
          },
          icon('download'),
          'Download',
        ),
      ],
    });
    draw();
  }
  function go(t) {
    if (loaded && !loaded.clip && t >= loaded.from && t <= loaded.to) {
      player.seek(t);
      return;
    }
    const what = windowAround(recording.spans, t);
    text(nothing, what ? '' : `Nothing is recorded at ${clockTime(t, true)}.`);
    if (what) open(what, t);
  }
  function openClip(clip) {
    if (clip.device !== device) {
      device = clip.device;
      select.value = device;
      refresh().catch(failed);
    }
    view = zoomed({ from: clip.from, to: clip.to }, 2);
    open({ from: clip.from, to: clip.to, clip }, clip.at);
    history.replaceState(null, '', `#/recordings/clip/${encodeURIComponent(clip.clip)}`);
    playerBox.scrollIntoView({ block: 'nearest' });
  }

  // ---- clips ----
  const words = { recording: 'being recorded', done: 'ready', failed: 'failed' };
  function clipRow(c) {
    const path = `host/clips/${encodeURIComponent(c.clip)}`;
    const note = h('input', {
      class: 'input',
      value: c.note,
      'aria-label': 'Note',
      placeholder: 'Note',
      maxlength: 300,
    });
    note.addEventListener('change', () => svc.api.json('PATCH', path, { body: { note: note.value } }).catch(failed));
    const picture = h('img', { src: svc.api.url(`${path}/thumb.jpg`, { auth: true }), alt: '', loading: 'lazy' });
    picture.addEventListener('error', () => picture.replaceWith(h('span', { class: 'thumb-none' }, icon('terminal'))));
    return h(
      'li',
      { class: 'rec-clip' },
      picture,
      h(
        'div',
        { class: 'rec-about' },
        h(
          'div',
          {},
          h('strong', {}, c.device),
          ' ',
          h('time', { datetime: new Date(c.at).toISOString() }, `${day(c.at)} ${clockTime(c.at)}`),
          ' ',
          h(
            'span',
            { class: 'muted small' },
            `${duration((c.to - c.from) / 1000)}${c.bytes ? `, ${bytes(c.bytes)}` : ''}, `,
            h('bdi', {}, c.rule ? `rule ${c.rule}` : c.user),
          ),
          ' ',
          c.state === 'done' ? null : badge(words[c.state] ?? c.state, c.state === 'failed' ? 'bad' : 'warn'),
        ),
        c.reason ? h('p', { class: 'small muted' }, c.reason) : null,
        gapsOf(c) ? h('p', { class: 'small muted' }, gapsOf(c)) : null,
        sent.lineOf(c.clip),
        note,
      ),
      h(
        'div',
        { class: 'rec-tools' },
        h(
          'button',
          { type: 'button', class: 'btn', disabled: c.state !== 'done', onclick: () => openClip(c) },
          icon('play'),
          'Play',
        ),
        actionButton(
          { 'aria-pressed': String(c.keep), title: 'It stays, whatever its age' },
          [icon('pin'), 'Keep'],
          async () => {
            await svc.api.json('PATCH', path, { body: { keep: !c.keep } });
            await refresh();
          },
          failed,
        ),
        actionButton(
          { class: 'btn quiet danger', disabled: c.state === 'recording' },
          'Remove …',
          async () => {
            const sure = await confirmDialog({
              title: 'Remove this clip?',
              message: c.note || `${c.device}, ${clockTime(c.at)}`,
              action: 'Remove',
              danger: true,
            });
            if (!sure) return;
            await svc.api.raw('DELETE', path);
            await refresh();
          },
          failed,
        ),
      ),
    );
  }

  function showState() {
    const why = recording.stopped ?? recording.trouble;
    const tone = why ? 'bad' : { off: 'neutral', armed: 'warn', on: 'good' }[recording.mode];
    state.className = `badge ${tone}`;
    text(state, why ? 'stopped' : { off: 'not recorded', armed: 'armed', on: 'recording' }[recording.mode]);
    set(state, { title: why ?? `${bytes(recording.bytes ?? 0)} on the disk` });
  }

  let latest = null; // who asked before somebody else waits for what he is told
  const refresh = () => (latest = ask());
  async function ask() {
    const turn = ++asked;
    const [now, all] = await Promise.all([
      device ? svc.api.get(`${svc.api.device(device)}/recording`) : null,
      svc.api.get('host/clips', { query: { text: search.value.trim(), limit: 200 } }),
    ]);
    if (scope.closed) return;
    if (turn !== asked) {
      await latest;
      return;
    }
    recording = now ?? recording;
    clips = all;
    showState();
    sent.look();
    if (clips.length) fill(list, clips.map(clipRow));
    else
      fill(
        list,
        h(
          'li',
          {},
          empty(
            'camera',
            search.value
              ? 'No clip matches.'
              : 'There are no clips yet. Arm the recorder on a device’s page, then keep its last seconds.',
          ),
        ),
      );
    draw();
  }

  // ---- which device, which moment ----
  select.addEventListener('change', () => {
    device = select.value;
    player?.close();
    player = loaded = null;
    fill(playerBox);
    refresh().catch(failed);
  });
  let timer;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => refresh().catch(failed), 200);
  });
  async function goTo([what, moment]) {
    if (what === 'clip' && moment) {
      const clip = await svc.api.get(`host/clips/${encodeURIComponent(moment)}`);
      device = clip.device;
      await refresh();
      select.value = device;
      openClip(clip);
      return;
    }
    if (what) {
      device = what;
      select.value = what;
    }
    await refresh();
    const t = Number(moment);
    if (!(t > 0)) return;
    view = { from: t - 60000, to: t + 60000 };
    draw();
    go(t);
  }
  let begun = false;
  scope.add(
    svc.store.watch(
      (s) => s.order,
      (order) => {
        if (!order.length) return;
        const had = device;
        fill(
          select,
          order.map((id) => h('option', { value: id }, id)),
        );
        device = order.includes(had) ? had : order[0];
        select.value = device;
        if (!begun) goTo(rest).catch((error) => fill(playerBox, notice('bad', error.message)));
        begun = true;
      },
    ),
  );
  scope.add(
    svc.store.watch(
      (s) => s.timeline[0],
      (e) => e?.event?.startsWith('recording.') && begun && refresh().catch(failed),
    ),
  );
  const size = new ResizeObserver(() => draw());
  size.observe(line);
  scope.add(() => size.disconnect());
  scope.add(() => clearTimeout(timer));
  scope.add(() => player?.close());
  const unmount = () => scope.close();
  unmount.navigate = (parts) => goTo(parts).catch(failed);
  return unmount;
}
