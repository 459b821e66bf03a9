// What this browser records of a call, in IndexedDB until the server has it: it outlives the page, the link and the
// server. Two stores: `tracks`, one for each run of a recorder, and `chunks` of these that are still to be sent.

import { Emitter } from './emitter.js';
import { pauseOf } from './clip-uploads.js';

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export class TrackStore {
  static async open(indexedDB) {
    const request = indexedDB.open('testbed-recordings', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('tracks', { keyPath: 'id' });
      request.result.createObjectStore('chunks', { keyPath: ['track', 'n'] });
    };
    return new TrackStore(await done(request));
  }

  constructor(db) {
    this._db = db;
    db.onversionchange = () => db.close();
  }

  _on(mode, use) {
    const transaction = this._db.transaction(['tracks', 'chunks'], mode);
    const result = use(transaction.objectStore('tracks'), transaction.objectStore('chunks'));
    if (mode === 'readonly') return result;
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('The browser did not keep it'));
    });
  }

  /** track: {id, recording, userId, mime, kind, offsetMs, known, chunks, ended}. */
  put(track) {
    return this._on('readwrite', (tracks) => void tracks.put(track));
  }

  /** The next chunk of it; that it has one more is written with it. */
  append(id, n, body) {
    return this._on('readwrite', (tracks, chunks) => {
      chunks.put({ track: id, n, body });
      const request = tracks.get(id);
      request.onsuccess = () => request.result && tracks.put({ ...request.result, chunks: n + 1 });
    });
  }

  change(id, change) {
    return this._on('readwrite', (tracks) => {
      const request = tracks.get(id);
      request.onsuccess = () => request.result && tracks.put({ ...request.result, ...change });
    });
  }

  list() {
    return this._on('readonly', (tracks) => done(tracks.getAll()));
  }

  /** The first chunk of it that is still to be sent; undefined: none. */
  next(id) {
    const all = IDBKeyRange.bound([id, 0], [id, Infinity]);
    return this._on('readonly', (tracks, chunks) => done(chunks.getAll(all, 1))).then(([first]) => first);
  }

  sent(id, n) {
    return this._on('readwrite', (tracks, chunks) => void chunks.delete([id, n]));
  }

  drop(id) {
    return this._on('readwrite', (tracks, chunks) => {
      tracks.delete(id);
      chunks.delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
    });
  }
}

const isFinal = ({ status }) => status >= 400 && status < 500 && ![401, 408, 429].includes(status);

/** Sends them, each track's chunks in their order; may be begun again at any time. Events: `changed`, `lost` (words). */
export class TrackUploads extends Emitter {
  /** `isLive(track)`: a recorder, of this page or another, is still at it. */
  constructor({ store, api, clock, isLive }) {
    super();
    Object.assign(this, { _store: store, _api: api, _clock: clock, _isLive: isLive });
    Object.assign(this, { _timer: null, _running: null, _again: false, _tries: 0, waiting: false });
  }

  run() {
    this._clock.clearTimeout(this._timer);
    if (this._running) {
      this._again = true;
      return this._running;
    }
    this._running = this._all()
      .then(
        () => Object.assign(this, { _tries: 0, waiting: false }),
        (error) => {
          this._tries += 1;
          this.waiting = true;
          this._timer = this._clock.setTimeout(() => this.run(), pauseOf(this._tries, error));
        },
      )
      .finally(() => {
        this._running = null;
        this.emit('changed');
        const again = this._again && !this.waiting;
        this._again = false;
        if (again) this.run();
      });
    return this._running;
  }

  async _all() {
    for (const track of await this._store.list()) {
      try {
        await this._send(track);
      } catch (error) {
        if (!isFinal(error)) throw error;
        await this._store.drop(track.id);
        this.emit('lost', error.message);
      }
    }
  }

  async _send(track) {
    const at = `${track.recording}/tracks/${track.id}`;
    const query = { userId: track.userId };
    if (!track.known) {
      const { userId, mime: mimeType, kind, offsetMs } = track;
      await this._api.json('PUT', at, { body: { userId, mimeType, kind, offsetMs } });
      await this._store.change(track.id, { known: true });
    }
    for (let chunk; (chunk = await this._store.next(track.id)); ) {
      await this._api.raw('PUT', `${at}/chunks/${chunk.n}`, { body: chunk.body, type: track.mime, query });
      await this._store.sent(track.id, chunk.n);
    }
    const now = (await this._store.list()).find((t) => t.id === track.id);
    if (!now || (!now.ended && (await this._isLive(now)))) return;
    await this._api.json('POST', `${at}/end`, { body: { userId: now.userId, chunks: now.chunks } });
    await this._store.drop(track.id);
  }
}
