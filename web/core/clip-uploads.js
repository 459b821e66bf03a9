// Clips that wait (clip-store.js) go to the server, the oldest first, one at a time: initiate, PUT, finalize. Each step
// may be done twice: a page that was killed in the middle begins the clip anew, and it is the same event.

const FIRST_MS = 1000;
const MOST_MS = 30000;
const OFFLINE_MS = 10000;
const DETOUR_MS = 600000; // so long clips go by the server when the bucket was not reached

/** Milliseconds until the next try after so many that failed. */
export function pauseOf(tries, error, random = Math.random) {
  if (error.extra?.retry_after_s) return error.extra.retry_after_s * 1000;
  if (!error.status) return OFFLINE_MS;
  return Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(tries - 1, 10)) * (1 + 0.2 * random());
}

/** Whether it is no use to send the same again. */
const isFinal = ({ status }) => status >= 400 && status < 500 && ![401, 402, 403, 408, 409, 429].includes(status);

export class ClipUploads {
  /** `changed()`: the list looks different now. `online()`: whether there is a network, as far as the browser knows. */
  constructor({ store, api, clock, fetch, online = () => true, changed = () => {}, random = Math.random }) {
    Object.assign(this, { _store: store, _api: api, _clock: clock, _online: online, _changed: changed });
    Object.assign(this, { _fetch: fetch, _direct: 0 }); // clips go straight to a bucket from then on (clock)
    Object.assign(this, { _random: random, _timer: null, _running: null, _again: false });
    this.state = 'idle'; // 'sending', 'offline', 'waiting' (why: the last error), 'login'
    this.why = null;
    this._sessions = new Map(); // device -> session that was begun for clips that had none
  }

  /** Now: something was recorded, the network is back, somebody has logged in. */
  run() {
    this._clock.clearTimeout(this._timer);
    if (this._running) {
      this._again = true;
      return this._running;
    }
    this._running = this._all().finally(() => {
      this._running = null;
      if (this._again) {
        this._again = false;
        this.run();
      }
    });
    return this._running;
  }

  _say(state, why = null) {
    Object.assign(this, { state, why });
    this._changed();
  }

  async _all() {
    for (;;) {
      const clip = (await this._store.list()).filter((c) => c.state === 'waiting').at(-1);
      if (!clip) {
        await this._end();
        return this._say('idle');
      }
      if (!this._online()) {
        this._timer = this._clock.setTimeout(() => this.run(), OFFLINE_MS);
        return this._say('offline');
      }
      this._say('sending');
      try {
        await this._send(clip);
        await this._store.change(clip.id, { state: 'sent', why: null });
      } catch (error) {
        if (isFinal(error)) {
          await this._store.change(clip.id, { state: 'refused', why: error.message });
          continue;
        }
        const tries = clip.tries + 1;
        await this._store.change(clip.id, { tries, why: error.message });
        if (error.status === 401) return this._say('login', error);
        this._timer = this._clock.setTimeout(() => this.run(), pauseOf(tries, error, this._random));
        return this._say(error.status ? 'waiting' : 'offline', error);
      }
    }
  }

  async _sessionOf(clip) {
    if (clip.session) return clip.session;
    if (!this._sessions.has(clip.device)) this._sessions.set(clip.device, await this.begin(clip.device, clip.prompt));
    const session = this._sessions.get(clip.device);
    await this._store.change(clip.id, { session });
    return session;
  }

  /** A session of that device begins: its id. */
  async begin(device, prompt) {
    const body = { device_id: device, ...(prompt ? { analysis_prompt: prompt } : {}) };
    return (await this._api.json('POST', 'sessions/start', { body })).session_id;
  }

  /** Sessions that were begun for clips alone are over when these are there. */
  async _end() {
    for (const [device, session_id] of this._sessions) {
      this._sessions.delete(device);
      await this._api.json('POST', 'sessions/stop', { body: { session_id } }).catch(() => {});
    }
  }

  async _send(clip) {
    const body = await this._store.body(clip.id);
    if (!body) return;
    const event = `events/${encodeURIComponent(clip.id)}`;
    const initiate = (session_id) =>
      this._api.json('POST', 'events/upload/initiate', {
        body: {
          event_id: clip.id,
          session_id,
          device_id: clip.device,
          trigger_type: clip.trigger,
          duration_seconds: clip.seconds,
          clip_mime: clip.mime,
          clip_size_bytes: body.size,
        },
      });
    let granted;
    try {
      granted = await initiate(await this._sessionOf(clip));
    } catch (error) {
      if (error.status !== 404) throw error;
      // its session is not known there any more
      await this._store.change(clip.id, { session: null });
      granted = await initiate(await this._sessionOf({ ...clip, session: null }));
    }
    let etag = await this._putDirect(granted, body);
    try {
      if (etag === undefined) etag = await this._put(event, clip, body);
    } catch (error) {
      if (error.status !== 409) throw error; // 409: it is there, whole, from a try whose answer was lost
    }
    await this._api.json('POST', `${event}/upload/finalize`, { body: etag ? { etag } : {} });
  }

  async _put(event, clip, body) {
    const put = await this._api.raw('PUT', `${event}/upload`, { body, type: clip.mime });
    return put.headers?.get?.('ETag');
  }

  /**
   * Into the bucket, where the server has given an address there: its ETag (null: the bucket does not show it).
   * undefined: not there. What stands between (no CORS, another network) is not known to a page: the server is asked
   * to take it, and the clips after it.
   */
  async _putDirect({ upload_url: url, upload_headers: headers }, body) {
    const there = url && new URL(url).origin !== new URL(this._api.base).origin;
    if (!there || !this._fetch || this._clock.now() < this._direct) return undefined;
    try {
      const answer = await this._fetch(url, { method: 'PUT', headers, body, credentials: 'omit', cache: 'no-store' });
      if (answer.ok) return answer.headers.get('ETag');
    } catch {
      /* as refused */
    }
    this._direct = this._clock.now() + DETOUR_MS;
    return undefined;
  }
}
