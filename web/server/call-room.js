// In a call: the people and the devices as a grid, what one switches, what is written, and how it ends.

import { colourOf } from '../core/people.js';
import { timeOfDay } from '../core/words.js';
import { fill, h, icon, notice, Scope, set, text } from '../app/dom.js';
import { BenchTile } from './call-bench.js';
import { mountRecording, openRecordings } from './call-recording.js';
import { openBench, openDevices, openGuests, settleControl } from './call-dialogs.js';
import { PersonTile } from './call-tiles.js';

const ENDS = {
  left: 'You have left the call.',
  ended: 'The call is over.',
  missed: 'Nobody has answered.',
  cancelled: 'The call was cancelled.',
  failed: 'The call has failed.',
};

export function mountCall(root, { call, line, media, api, root: base, toast, announce, guest, known, again }) {
  const scope = new Scope();
  const tiles = new Map(); // userId -> PersonTile
  const benches = new Map(); // device -> BenchTile
  const brought = new Map(); // device -> its session here, taken back when it goes
  const given = []; // sessions that give control to somebody
  const grid = h('div', { class: 'call-grid', id: 'grid', role: 'group', 'aria-label': 'People in the call' });
  const banner = h('div', { class: 'call-banner' });
  const state = h('p', { class: 'muted', id: 'call-state', role: 'status' }, 'Connecting');

  // ---- what is written ----
  const log = h('div', { class: 'talk', role: 'log', 'aria-label': 'What was written', tabindex: '0' });
  const write = h('input', {
    class: 'input',
    id: 'chat-text',
    maxlength: '900',
    'aria-label': 'Write to all',
    placeholder: 'Write to all',
    autocomplete: 'off',
  });
  const chat = h(
    'section',
    { class: 'panel call-chat', id: 'chat', hidden: true, 'aria-label': 'Chat' },
    h('header', {}, h('h2', {}, 'Chat')),
    log,
    h(
      'form',
      {
        class: 'row tight body',
        onsubmit: (e) => {
          e.preventDefault();
          const words = write.value.trim();
          if (!words) return;
          if (call.say('chat', { text: words })) write.value = '';
          else toast.warn('Not sent', 'There is no connection to the server right now.');
        },
      },
      write,
      h('button', { type: 'submit', class: 'btn' }, 'Send'),
    ),
  );
  const nameOf = (userId) => call.people.get(userId)?.name ?? userId;
  let unread = 0;
  scope.add(
    call.on('chat', (said, { old }) => {
      const mine = said.userId === call.me;
      log.append(
        h(
          'p',
          {},
          h('time', { datetime: new Date(said.t).toISOString() }, timeOfDay(said.t)),
          ' ',
          h('strong', { dataset: { colour: colourOf(said.userId) } }, mine ? 'you' : said.name),
          ' ',
          said.text,
        ),
      );
      log.scrollTop = log.scrollHeight;
      if (old || mine || !chat.hidden) return;
      unread += 1;
      label(buttons.chat, `Chat (${unread})`);
      toast.info(said.name, said.text);
    }),
  );

  // ---- what one switches ----
  const button = (id, picture, words, run, extra = {}) =>
    h(
      'button',
      { type: 'button', class: 'btn', id, title: words, onclick: run, ...extra },
      icon(picture),
      h('span', {}, words),
    );
  const label = (el, words) => {
    text(el.querySelector('span'), words);
    el.title = words;
  };
  const pressed = (el, on) => set(el, { 'aria-pressed': String(on) });
  const toggleMic = async () => {
    if (!media.tracks.audio) {
      if (!(await media.start('audio'))) return;
      call.setMedia({ audioEnabled: true });
      return;
    }
    const on = !media.tracks.audio.enabled;
    media.tracks.audio.enabled = on;
    call.setMedia({ audioEnabled: on });
    announce(on ? 'Microphone on' : 'Microphone off');
  };
  const toggleCamera = async () => {
    if (call.media.videoEnabled) {
      media.stop('video');
      call.setMedia({ videoEnabled: false });
    } else if (await media.start('video')) call.setMedia({ videoEnabled: true });
    announce(call.media.videoEnabled ? 'Camera on' : 'Camera off');
  };
  const toggleScreen = () => (media.screen ? media.unshare() : media.share());
  const toggleHand = () => call.setMedia({ handRaised: !call.media.handRaised });
  const toggleChat = () => {
    chat.hidden = !chat.hidden;
    unread = 0;
    label(buttons.chat, 'Chat');
    pressed(buttons.chat, !chat.hidden);
    if (!chat.hidden) write.focus();
  };
  const recording = mountRecording({
    ...{ call, line, media, api, toast, announce, guest, button, label },
    openList: () => openRecordings({ api, root: base, callId: call.callId, userId: call.me }),
  });
  const buttons = {
    mic: button('mic', 'mic', 'Microphone', toggleMic),
    camera: button('camera', 'camera', 'Camera', toggleCamera),
    screen: button('screen', 'screen', 'Show screen', toggleScreen),
    hand: button('hand', 'hand', 'Raise hand', toggleHand),
    chat: button('chat-open', 'terminal', 'Chat', toggleChat),
    low: button('low', 'sensor', 'Narrow line', () => call.setMedia({ lowBandwidth: !call.media.lowBandwidth }), {
      title: 'Small pictures both ways: for a line that carries little',
    }),
    devices: button('devices', 'gear', 'Devices', () =>
      openDevices({ media, output: (id) => tiles.forEach((tile) => tile.output(id)) }),
    ),
    bench: button('bench', 'plug', 'Bench device', () => openBench({ api, toast, bring })),
    guests: button('guests', 'link', 'Ask in', () => openGuests({ api, base, toast, callId: call.callId })),
    record: recording.record,
    leave: button('leave', 'close', 'Leave', () => call.leave(), { class: 'btn danger-fill' }),
  };
  buttons.screen.hidden = !media.canShare;
  buttons.bench.hidden = buttons.guests.hidden = buttons.record.hidden = guest;
  const side = h('div', { class: 'call-side' }, chat);
  fill(
    root,
    h('h1', { class: 'sr-only' }, 'Call'),
    h('div', { class: 'call-head' }, state, recording.badge),
    banner,
    h('div', { class: 'call-main' }, h('div', { class: 'call-stage' }, grid), side),
    h('div', { class: 'call-bar', role: 'toolbar', 'aria-label': 'In the call' }, Object.values(buttons)),
  );
  scope.listen(document, 'keydown', (e) => {
    if (e.target.closest?.('input, select, textarea, dialog') || e.ctrlKey || e.metaKey || e.altKey || e.repeat) return;
    const run = {
      m: toggleMic,
      v: toggleCamera,
      s: media.canShare ? toggleScreen : null,
      h: toggleHand,
      c: toggleChat,
    }[e.key];
    if (!run) return;
    e.preventDefault();
    run();
  });
  // between buttons by arrows, as in every toolbar
  scope.listen(root.querySelector('.call-bar'), 'keydown', (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    const all = Object.values(buttons).filter((b) => !b.hidden);
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length]?.focus();
  });

  // ---- one's own ----
  const sent = (kind, track) => {
    if (kind === 'audio' && track) track.enabled = true;
    call.setTrack(kind, track).catch((error) => toast.error(error, 'Camera and microphone'));
    if (kind === 'audio') call.setMedia({ audioEnabled: Boolean(track) });
    if (kind === 'video' && !track) call.setMedia({ videoEnabled: false });
    showOwn();
  };
  scope.add(media.on('track', sent));
  scope.add(
    media.on('screen', (on) => {
      call.setMedia({ screenSharing: on, ...(on ? {} : { videoEnabled: Boolean(media.tracks.video) }) });
      announce(on ? 'Your screen is shown' : 'Your screen is not shown any more');
    }),
  );
  scope.add(media.on('problem', (words) => toast.warn('Camera and microphone', words)));
  function showOwn() {
    tiles.get(call.me)?.stream(media.tracks.video ? new MediaStream([media.tracks.video]) : null);
  }

  // ---- who is there ----
  const show = () => {
    for (const [userId, tile] of tiles) {
      if (call.people.has(userId)) continue;
      tile.close();
      tiles.delete(userId);
    }
    for (const [userId, person] of call.people) {
      const own = userId === call.me;
      let tile = tiles.get(userId);
      if (!tile) {
        tile = new PersonTile({ userId, own, retry: () => call.retry(userId) });
        tiles.set(userId, tile);
        grid.append(tile.el);
        if (own) showOwn();
      }
      const peer = call.peers.get(userId);
      if (peer) tile.stream(peer.stream);
      tile.show(own ? { ...person, ...call.media } : person, own ? null : (peer?.state ?? 'connecting'));
    }
    grid.dataset.count = tiles.size + benches.size;
    grid.classList.toggle('shows', Boolean(grid.querySelector('.screen, .bench')));
    pressed(buttons.mic, call.media.audioEnabled);
    pressed(buttons.camera, call.media.videoEnabled);
    pressed(buttons.screen, call.media.screenSharing);
    pressed(buttons.hand, call.media.handRaised);
    pressed(buttons.low, call.media.lowBandwidth);
    pressed(buttons.chat, !chat.hidden);
    label(buttons.mic, call.media.audioEnabled ? 'Microphone on' : 'Microphone off');
    label(buttons.camera, call.media.videoEnabled ? 'Camera on' : 'Camera off');
    sayState();
  };
  const sayState = () => {
    const others = call.people.size - 1;
    const rings = known?.status === 'ringing' && !call.answered && others < 1;
    const away = line.state !== 'open' && call.in;
    text(
      state,
      away
        ? 'The server does not answer: who is here stays, and the page tries again'
        : !call.in
          ? 'Connecting'
          : rings
            ? `It rings for ${known.calleeId}`
            : others < 1
              ? 'Nobody else is here yet'
              : `${others + 1} people`,
    );
  };
  for (const event of ['people', 'peer']) scope.add(call.on(event, show));
  scope.add(line.on('state', sayState));
  scope.add(call.on('joined', (p) => announce(`${p.name} has come`)));
  scope.add(call.on('left', (p) => announce(`${p.name} has left`)));
  scope.add(call.on('hand', (p) => toast.info(p.name, 'raises a hand')));
  scope.add(call.on('problem', (words) => toast.warn('Call', words)));
  scope.add(
    call.on('speaker', (userId) => {
      for (const [id, tile] of tiles) tile.speaks(id === userId);
    }),
  );

  // ---- how good the lines are ----
  let given_up = false;
  scope.add(
    call.on('quality', (report, trouble) => {
      root.dataset.quality = trouble ? 'poor' : 'good';
      if (trouble) fill(banner, notice('warn', `Your line is poor: ${trouble}.`));
      else if (!given_up) fill(banner);
    }),
  );
  scope.add(
    call.on('warning', ({ userId, type, value }) => {
      const words = type === 'high-latency' ? `${Math.round(value)} ms` : `${Math.round(value)} % lost`;
      tiles.get(userId)?.trouble(words);
    }),
  );
  scope.add(
    call.on('fallback', async (what) => {
      given_up = what !== 'video-on';
      if (what === 'video-off' && call.media.videoEnabled && !media.screen) {
        media.stop('video');
        toast.warn('Your camera is off', 'The line does not carry your picture. It comes back when the line is good.');
      } else if (what === 'video-on' && (await media.start('video'))) call.setMedia({ videoEnabled: true });
    }),
  );

  // ---- bench devices ----
  async function bring(device) {
    const made = await api.json('POST', 'api/session', { body: { device, mode: 'view', observers: 6, note: 'Call' } });
    const token = new URL(made.viewUrl, base).hash.match(/token=([^&]*)/)?.[1] ?? made.token;
    brought.set(device, made);
    call.say('share-device', { device, sessionId: made.sessionId, token: decodeURIComponent(token) });
  }
  const takeBack = ({ sessionId, token }) =>
    api
      .raw('DELETE', `api/session/${encodeURIComponent(sessionId)}`, {
        headers: { 'X-Session-Token': token },
        keepalive: true,
      })
      .catch(() => {});
  const showBenches = () => {
    for (const [device, tile] of benches) {
      if (call.devices.some((d) => d.device === device && d.sessionId === tile.sessionId)) continue;
      tile.close();
      benches.delete(device);
    }
    for (const d of call.devices) {
      if (benches.has(d.device)) continue;
      const own = d.userId === call.me;
      const tile = new BenchTile({
        ...d,
        name: nameOf(call.me),
        api,
        acts: {
          remove: own ? () => unbring(d.device) : null,
          control: own
            ? null
            : () =>
                call.say('request-control', { device: d.device }) &&
                toast.info('Asked', `${nameOf(d.userId)} is asked for control of ${d.device}`),
        },
      });
      tile.sessionId = d.sessionId;
      benches.set(d.device, tile);
      grid.prepend(tile.el);
    }
    show();
  };
  const unbring = (device) => {
    call.say('unshare-device', { device });
    const made = brought.get(device);
    brought.delete(device);
    if (made) takeBack(made);
  };
  scope.add(call.on('devices', showBenches));
  scope.add(call.on('control', (event, data) => settleControl({ event, data, api, base, call, toast, given, nameOf })));

  // ---- the end ----
  scope.add(
    call.on('ended', ({ status, reason }) => {
      scope.close();
      recording.close();
      for (const tile of [...tiles.values(), ...benches.values()]) tile.close();
      for (const made of [...brought.values(), ...given]) takeBack(made);
      media.close();
      const words = ENDS[status] ?? reason ?? 'The call is over.';
      const tone = ['refused', 'moved', 'revoked', 'failed'].includes(status) ? 'warn' : 'good';
      fill(
        root,
        h('h1', {}, 'Call'),
        notice(tone, ENDS[status] && reason && reason !== 'Call ended normally' ? `${words} ${reason}.` : words),
        h(
          'div',
          { class: 'row' },
          ['left', 'moved', 'refused'].includes(status)
            ? h('button', { type: 'button', class: 'btn primary', id: 'again', onclick: again }, 'Come in again')
            : null,
          guest ? null : h('a', { class: 'btn', href: 'call' }, 'All calls'),
        ),
      );
      announce(words);
      line.stop();
    }),
  );
  scope.listen(window, 'online', () => line.probe());
  show();
}
