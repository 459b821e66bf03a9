// A call is recorded: everybody is asked, each browser records its own camera, microphone and screen, and all see by
// whom. What was recorded is sent meanwhile, and after it.

import { TrackStore, TrackUploads } from '../core/call-tracks.js';
import { fill, h, modal, text } from '../app/dom.js';

const CHUNK_MS = 2000;
const TYPES = ['video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4'];
const lockOf = (id) => `testbed-recording ${id}`;

/** Of a page: what one before it has left is sent, too. */
export async function openUploads(api, toast) {
  const store = await TrackStore.open(indexedDB);
  const isLive = async ({ id }) =>
    Boolean((await navigator.locks?.query())?.held.some((lock) => lock.name === lockOf(id)));
  const uploads = new TrackUploads({
    store,
    api,
    clock: { setTimeout: (f, ms) => setTimeout(f, ms), clearTimeout: (id) => clearTimeout(id) },
    isLive,
  });
  uploads.on('lost', (words) => toast.warn('A part of a recording was not taken', words));
  addEventListener('online', () => uploads.run());
  uploads.run();
  return { store, uploads };
}

/** One run of a MediaRecorder: a track. */
class Take {
  constructor({ store, uploads, recording, userId, stream, kind, offsetMs }) {
    this.id = `${kind}-${crypto.randomUUID().slice(0, 8)}`;
    this.source = stream;
    const mime = TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? '';
    const recorder = new MediaRecorder(stream, { mimeType: mime, videoBitsPerSecond: 1500000 });
    const asked = performance.now();
    let n = 0;
    let last = Promise.resolve();
    this.over = new Promise((resolve) => (this._resolve = resolve));
    navigator.locks?.request(lockOf(this.id), () => this.over);
    recorder.onstart = () => {
      const track = { id: this.id, recording, userId, mime: recorder.mimeType, kind, known: false, chunks: 0 };
      last = store.put({ ...track, ended: false, offsetMs: Math.round(offsetMs + performance.now() - asked) });
    };
    recorder.ondataavailable = ({ data }) => {
      if (!data.size) return;
      const own = n;
      n += 1;
      last = last.then(() => store.append(this.id, own, data)).then(() => void uploads.run());
    };
    recorder.onstop = () =>
      last
        .then(() => store.change(this.id, { ended: true }))
        .finally(() => {
          this._resolve();
          uploads.run();
        });
    recorder.start(CHUNK_MS);
    this._recorder = recorder;
  }

  takes(track) {
    return this.source.getTracks().includes(track);
  }

  stop() {
    if (this._recorder.state !== 'inactive') this._recorder.stop();
  }
}

/** In a call: {button, badge, close}. `me`: who one is there. */
export function mountRecording({ call, line, media, api, toast, announce, guest, button, label, openList }) {
  const at = `webrtc/calls/${encodeURIComponent(call.callId)}`;
  const badge = h('p', { class: 'call-badge', id: 'recording', role: 'status', hidden: true });
  const record = button('record', 'record', 'Record', () => (now ? stop() : ask()));
  let now = null; // {recordingId, startedBy, since, elapsedMs}: it goes on
  let take = null;
  let asked = null; // the recording that a dialog asks about
  let opened = openUploads(api, toast).catch(() => null);

  const trouble = (error) => toast.error(error, 'Recording');
  const begin = async () => {
    const kept = await opened;
    const tracks = [media.tracks.video, media.tracks.audio].filter((t) => t?.readyState === 'live');
    const same = take && take.source.getTracks().length === tracks.length && tracks.every((t) => take.takes(t));
    if (!now || !now.mine || !kept || same) return;
    take?.stop();
    take = null;
    if (!tracks.length || typeof MediaRecorder === 'undefined') return;
    take = new Take({
      ...kept,
      recording: `${at}/recordings/${now.recordingId}`,
      userId: call.me,
      stream: new MediaStream(tracks),
      kind: media.screen ? 'screen' : media.tracks.video ? 'camera' : 'audio',
      offsetMs: now.elapsedMs + performance.now() - now.since,
    });
  };
  const show = () => {
    badge.hidden = !now;
    record.setAttribute('aria-pressed', String(Boolean(now)));
    label(record, now ? 'Stop recording' : 'Record');
    if (now) text(badge, `Recording, by ${call.people.get(now.startedBy)?.name ?? now.startedBy}`);
  };
  const over = (reason) => {
    take?.stop();
    take = null;
    if (now) announce('The recording has ended');
    if (reason) toast.warn('The recording has ended', reason);
    now = null;
    show();
  };

  const ask = async () => {
    const told = h('input', { type: 'checkbox', id: 'record-told' });
    const sure = await modal(
      (close) =>
        h(
          'div',
          { class: 'inner' },
          h('h2', {}, 'Record this call?'),
          h(
            'p',
            {},
            'Everybody who is in it is asked, and it begins when all agree. Each browser records its own part.',
          ),
          h('label', { class: 'row tight' }, told, 'They have all said yes already (guests by a link can only say so)'),
          h(
            'div',
            { class: 'buttons' },
            h('button', { type: 'button', class: 'btn', onclick: () => openList() }, 'Recordings'),
            h('button', { type: 'button', class: 'btn', onclick: () => close() }, 'Cancel'),
            h(
              'button',
              { type: 'button', class: 'btn primary', id: 'record-ask', onclick: () => close(true) },
              'Ask them',
            ),
          ),
        ),
      { label: 'Record this call?' },
    );
    if (!sure) return;
    const who = told.checked ? [...call.people.keys()] : [call.me];
    const consentMethod = told.checked ? 'verbal' : 'electronic';
    const body = { consentObtained: true, consentedParticipants: who, consentMethod, userId: call.me };
    await api.json('POST', `${at}/record`, { body }).catch(trouble);
  };
  const stop = () =>
    api.json('POST', `${at}/recordings/${now.recordingId}/stop`, { body: { userId: call.me } }).catch(trouble);
  const answer = (id, granted) =>
    api.json('POST', `${at}/recordings/${id}/consent`, { body: { granted, userId: call.me } }).catch(trouble);
  const askMe = async ({ recordingId, startedBy }) => {
    if (asked?.id === recordingId) return;
    if (guest) {
      toast.info('Somebody asks to record this call', 'Say whether you agree: your own part is not recorded.');
      return;
    }
    let dismiss;
    asked = { id: recordingId, close: () => dismiss?.() };
    const name = call.people.get(startedBy)?.name ?? startedBy;
    const granted = await modal(
      (close) => {
        dismiss = () => close(null);
        return h(
          'div',
          { class: 'inner' },
          h('h2', {}, `${name} asks to record this call`),
          h(
            'p',
            {},
            'What your camera, microphone and shared screen give would be recorded, and kept on this server, sealed. ' +
              'Those who take part and administrators may see it. When you do not agree nothing is recorded.',
          ),
          h(
            'div',
            { class: 'buttons' },
            h(
              'button',
              { type: 'button', class: 'btn', id: 'record-no', onclick: () => close('no') },
              'I do not agree',
            ),
            h(
              'button',
              { type: 'button', class: 'btn primary', id: 'record-yes', onclick: () => close('yes') },
              'I agree',
            ),
          ),
        );
      },
      { label: 'May this call be recorded?' },
    );
    asked = null;
    if (granted) await answer(recordingId, granted === 'yes');
  };

  const offs = [
    line.on('said', (event, data) => {
      if (data.callId !== call.callId || !event.startsWith('recording-')) return;
      if (event === 'recording-requested') {
        if (data.status === 'recording') {
          now = { ...data, mine: false, since: performance.now() };
          show();
        }
        askMe(data);
      } else if (event === 'recording-waiting') {
        announce('Everybody is asked whether the call may be recorded');
      } else if (event === 'recording-started') {
        if (now?.recordingId !== data.recordingId || !now.mine)
          now = { ...data, mine: !guest, since: performance.now() };
        announce('The call is being recorded');
        show();
        begin();
      } else if (event === 'recording-stopped' && (!now || now.recordingId === data.recordingId)) {
        asked?.close();
        over(data.reason);
      }
    }),
    media.on('track', () => begin()),
    media.on('screen', () => begin()),
    call.on('people', show),
  ];
  return {
    record,
    badge,
    close() {
      offs.forEach((off) => off());
      over(null);
    },
  };
}

/** What was recorded of a call: a list, and a player. */
export function openRecordings({ api, root, callId, userId }) {
  return modal(
    (close) => {
      const list = h('div', { class: 'stack', id: 'recordings' }, 'Looking');
      const player = h('div', {});
      const at = `webrtc/calls/${encodeURIComponent(callId)}/recordings`;
      api.get(at).then(
        ({ recordings }) =>
          fill(
            list,
            recordings.length
              ? h(
                  'ul',
                  { class: 'list' },
                  recordings.map((r) =>
                    h(
                      'li',
                      {},
                      h('div', { class: 'main' }, wordsOf(r)),
                      r.status === 'completed' || r.status === 'processing'
                        ? h(
                            'button',
                            {
                              type: 'button',
                              class: 'btn',
                              onclick: () => play({ api, root, at, id: r.id, userId, player }),
                            },
                            'Play',
                          )
                        : null,
                    ),
                  ),
                )
              : h('p', {}, 'Nothing was recorded.'),
          ),
        (error) => fill(list, h('p', { class: 'error-text' }, error.message)),
      );
      return h(
        'div',
        { class: 'inner' },
        h('h2', {}, 'Recordings'),
        list,
        player,
        h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'btn', onclick: () => close() }, 'Close')),
      );
    },
    { wide: true, label: 'Recordings' },
  );
}

function wordsOf(r) {
  const state = {
    pending: 'waits for consent',
    recording: 'goes on',
    processing: 'parts are missing yet',
    failed: r.processingError,
  };
  return [new Date(r.createdAt).toLocaleString(), r.duration != null ? `${r.duration} s` : '', state[r.status] ?? '']
    .filter(Boolean)
    .join(', ');
}

/** All tracks in step: each begins at its offset on one clock. */
async function play({ api, root, at, id, userId, player }) {
  const one = await api.get(`${at}/${encodeURIComponent(id)}`, { query: { userId } });
  const tracks = one.tracks
    .filter((t) => t.bytes > 0)
    .map((t) => ({
      ...t,
      video: h('video', {
        src: new URL(t.url.replace(/^\//, ''), root).href,
        preload: 'auto',
        'aria-label': t.userId,
        playsinline: true,
      }),
    }));
  let begun = null; // performance.now() when the clock was at 0
  const button = h('button', { type: 'button', class: 'btn primary', id: 'play-all' }, 'Play');
  const step = () => {
    if (begun === null || !player.isConnected) {
      tracks.forEach((t) => t.video.pause());
      return;
    }
    const now = performance.now() - begun;
    for (const t of tracks) {
      const wanted = (now - t.offsetMs) / 1000;
      if (wanted < 0 || t.video.ended) continue;
      if (t.video.paused) t.video.play().catch(() => {});
      t.video.playbackRate = Math.min(1.5, Math.max(0.5, 1 + (wanted - t.video.currentTime)));
    }
    if (tracks.every((t) => t.video.ended)) begun = null;
    text(button, begun === null ? 'Play' : 'Pause');
    requestAnimationFrame(step);
  };
  button.onclick = () => {
    const at0 = Math.min(...tracks.filter((t) => !t.video.ended).map((t) => t.video.currentTime * 1000 + t.offsetMs));
    begun = begun === null ? performance.now() - (Number.isFinite(at0) ? at0 : 0) : null;
    step();
  };
  fill(
    player,
    h(
      'div',
      { class: 'call-played' },
      tracks.map((t) => h('figure', {}, t.video, h('figcaption', {}, `${t.userId}, ${t.kind}`))),
    ),
    tracks.length ? button : h('p', {}, 'Nothing of it is there yet.'),
  );
}
