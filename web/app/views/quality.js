// The quality badge and, behind a click, everything that is known about the connection.

import { bitrate, bytes, clockTime, fixed, millis, percent } from '../../core/format.js';
import { gradeOf } from '../../core/stats.js';
import { field, fill, h, modal, set, text } from '../dom.js';
import { loadPlot, plot } from '../plot.js';

const MAX_LOG = 300;
const MAX_HISTORY = 180;

export class Quality {
  constructor(fallbackName = 'MJPEG') {
    this.fallbackName = fallbackName;
    this.fallbackFps = null;
    this.figures = null;
    this.rung = 'connecting';
    this.reason = null;
    this.history = [[], [], []]; // s, latency ms, kbit/s
    this.log = [];
    this.ack = null;
    this.route = null;
    this.choices = []; // [{label, options: [[value, words]], value, choose(value)}] of the dialog
    this._open = null;
    this._dot = h('span', { class: 'dot' });
    this._segs = h('span', { class: 'row tight nowrap' });
    this.el = h(
      'button',
      { type: 'button', class: 'quality', id: 'quality', onclick: () => this.show() },
      h('span', { class: 'sr-only' }, 'Video quality: '),
      this._dot,
      this._segs,
    );
    this.update();
  }

  note(line) {
    this.log.push(`${clockTime(Date.now(), true)} ${line}`);
    if (this.log.length > MAX_LOG) this.log.shift();
    this._open?.();
  }

  setRung(rung, reason) {
    this.rung = rung;
    this.reason = reason;
    if (rung !== 'webrtc') this.figures = null;
    this.note(`video: ${rung}${reason ? ` (${reason})` : ''}`);
    this.update();
  }

  setFigures(f) {
    this.figures = f;
    const [t, l, k] = this.history;
    t.push(f.at / 1000);
    l.push(f.latencyMs ?? null);
    k.push(f.kbps ?? null);
    if (t.length > MAX_HISTORY) for (const a of this.history) a.shift();
    this.update();
  }

  update() {
    const f = this.figures;
    const seg = (value, label, opt) => h('span', { class: `seg${opt ? ' opt' : ''}`, title: label }, value);
    if (this.rung === 'webrtc' && f) {
      this.el.dataset.grade = gradeOf(f);
      fill(
        this._segs,
        seg(millis(f.latencyMs), 'Latency of the picture'),
        seg(`${fixed(f.fps, 0)} fps`, 'Frames per second'),
        seg(bitrate(f.kbps), 'Bitrate'),
        seg(`${percent(f.lossPct)} loss`, 'Packets lost', true),
        f.codec ? seg(f.codec, 'Codec', true) : null,
        f.path ? seg(f.path, 'Path', true) : null,
      );
    } else {
      const words = { webrtc: 'WebRTC', connecting: 'Connecting', fallback: this.fallbackName, stopped: 'Stopped' };
      this.el.dataset.grade = this.rung === 'fallback' ? 'fair' : 'unknown';
      fill(
        this._segs,
        seg(words[this.rung] ?? this.rung, 'Video'),
        this.fallbackFps != null && this.rung === 'fallback'
          ? seg(`${this.fallbackFps} fps`, 'Frames per second')
          : null,
      );
    }
    set(this.el, { title: this.reason ?? 'Details' });
    this._open?.();
  }

  show() {
    const main = h('dl', { class: 'facts' });
    const link = h('dl', { class: 'facts' });
    const log = h('div', { class: 'ice-log', tabindex: '0', role: 'log', 'aria-label': 'Connection log' });
    const canvas = h('div', { class: 'canvas' });
    let chart = null;
    const rows = (el, list) =>
      fill(
        el,
        list
          .filter(([, v]) => v !== null && v !== undefined && v !== '')
          .map(([k, v]) => [h('dt', {}, k), h('dd', {}, v)]),
      );
    const update = () => {
      const f = this.figures ?? {};
      rows(main, [
        [
          'Video',
          this.rung === 'webrtc' ? 'WebRTC' : this.rung === 'fallback' ? `${this.fallbackName} (fallback)` : this.rung,
        ],
        ['Why', this.reason],
        [
          'Latency',
          f.latencyMs == null
            ? null
            : `${millis(f.latencyMs)}${f.latencySource === 'measured' ? ' (capture to display)' : ' (network and decoding)'}`,
        ],
        ['Frame rate', f.fps == null ? null : `${fixed(f.fps, 0)} fps`],
        ['Bitrate', f.kbps == null ? null : bitrate(f.kbps)],
        ['Lost packets', f.lossPct == null ? null : percent(f.lossPct)],
        ['Picture', f.width ? `${f.width} × ${f.height}` : null],
        ['Codec', f.codec ? `${f.codec}${f.decoder ? ` (${f.decoder})` : ''}` : null],
        ['Jitter buffer', f.jitterMs == null ? null : millis(f.jitterMs)],
        ['Decoding', f.decodeMs == null ? null : millis(f.decodeMs)],
      ]);
      rows(link, [
        ['Path', f.path ? `${f.path}${f.protocol ? `, ${f.protocol}` : ''}` : null],
        ['Round trip', f.rttMs == null ? null : millis(f.rttMs)],
        ['Link can carry', f.availableKbps == null ? null : bitrate(f.availableKbps)],
        ['Host’s address', f.remoteAddress],
        ['Candidates', f.localType ? `${f.localType} → ${f.remoteType}` : null],
        ['Received', f.bytesReceived == null ? null : bytes(f.bytesReceived)],
        ['Frames decoded', f.framesDecoded],
        ['Frames dropped', f.framesDropped],
        ['Freezes', f.freezeCount],
        ['Keyframes asked for', f.pliCount],
        ['Repeats asked for', f.nackCount],
        ['Commands go by', this.route],
        ['Last command took', this.ack == null ? null : millis(this.ack)],
      ]);
      text(log, this.log.join('\n') || 'Nothing yet.');
      chart?.setData(this.history);
    };
    const done = modal(
      (close) => {
        queueMicrotask(async () => {
          update();
          try {
            await loadPlot();
          } catch {
            return; // the figures are there; the line is not
          }
          if (!canvas.isConnected) return;
          chart = plot(canvas, {
            series: [
              { label: 'latency', unit: 'ms' },
              { label: 'bitrate', unit: 'kbit/s', scale: 'k' },
            ],
            height: 130,
          });
          update();
        });
        return h(
          'div',
          { class: 'inner' },
          h('h2', {}, 'Video quality'),
          h('div', { class: 'choices' }, this.choices.map(choice)),
          h('div', { class: 'stats-grid' }, main, link),
          h(
            'div',
            { class: 'plot' },
            h('p', { class: 'small muted' }, 'Latency (ms) and bitrate (kbit/s), last minutes'),
            canvas,
          ),
          h('h3', {}, 'States'),
          log,
          h(
            'div',
            { class: 'buttons' },
            h(
              'button',
              { type: 'button', class: 'btn', onclick: () => navigator.clipboard?.writeText(log.textContent) },
              'Copy log',
            ),
            h('button', { type: 'button', class: 'btn primary', onclick: () => close() }, 'Close'),
          ),
        );
      },
      { wide: true, label: 'Video quality' },
    );
    this._open = update;
    done.then(() => {
      this._open = null;
      chart?.destroy();
    });
  }
}

function choice({ label, options, value, choose }) {
  const select = h(
    'select',
    { class: 'input' },
    options.map(([v, words]) => h('option', { value: v }, words)),
  );
  select.value = String(value());
  select.addEventListener('change', () => choose(select.value));
  return field(label, select);
}
