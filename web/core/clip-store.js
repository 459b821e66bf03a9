// Clips of this browser, in IndexedDB: they outlive the page, the browser and the network. Two stores: `chunks`, what
// is being recorded right now, and `clips`, what was noticed. Both are bounded.

export const MOST_CLIPS = 200;
export const MOST_BYTES = 400 * 1024 * 1024;
const KEEP_SENT = 20; // that were uploaded, for looking at them here

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
const over = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('The browser did not keep it'));
  });

/** Which of `clips` have to go so that there is room for `bytes` more: those that were uploaded first, then the oldest. */
export function tooMany(clips, bytes = 0, { most = MOST_CLIPS, mostBytes = MOST_BYTES } = {}) {
  const order = [...clips].sort((a, b) => (a.state === 'sent' ? 0 : 1) - (b.state === 'sent' ? 0 : 1) || a.at - b.at);
  let sent = clips.filter((c) => c.state === 'sent').length;
  let left = clips.length + (bytes ? 1 : 0);
  let sum = bytes + clips.reduce((n, c) => n + c.size, 0);
  const gone = [];
  for (const clip of order) {
    const surplus = clip.state === 'sent' && sent > KEEP_SENT;
    if (left <= most && sum <= mostBytes && !surplus) break;
    gone.push(clip);
    sent -= clip.state === 'sent' ? 1 : 0;
    left -= 1;
    sum -= clip.size;
  }
  return gone;
}

export class ClipStore {
  static async open(indexedDB, limits = {}) {
    const request = indexedDB.open('testbed-capture', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('clips', { keyPath: 'id' });
      request.result.createObjectStore('bodies');
      request.result.createObjectStore('takes', { keyPath: 'id' });
      request.result.createObjectStore('chunks', { keyPath: ['take', 'n'] });
    };
    const db = await done(request);
    return new ClipStore(db, limits);
  }

  constructor(db, limits) {
    Object.assign(this, { _db: db, _limits: limits });
    this.dropped = 0; // clips that never were uploaded, because there was no room
    db.onversionchange = () => db.close();
  }

  _on(stores, mode, use) {
    const transaction = this._db.transaction(stores, mode);
    const result = use(...stores.map((s) => transaction.objectStore(s)));
    return mode === 'readonly' ? result : over(transaction).then(() => result);
  }

  // ---- what is being recorded ----

  append(take, n, body) {
    return this._on(['chunks'], 'readwrite', (chunks) => void chunks.put({ take, n, body }));
  }

  /** It has become a clip, from here on told in it: what is found after a crash is kept. */
  notice(take, clip) {
    return this._on(['takes'], 'readwrite', (takes) => void takes.put({ ...take, clip }));
  }

  async drop(take) {
    const all = await this._keys(take);
    await this._on(['takes', 'chunks'], 'readwrite', (takes, chunks) => {
      takes.delete(take);
      for (const key of all) chunks.delete(key);
    });
  }

  async _keys(take) {
    const keys = await this._on(['chunks'], 'readonly', (chunks) => done(chunks.getAllKeys()));
    return keys.filter(([id]) => id === take);
  }

  /** What a page that was killed has left: those that were noticed become clips, the rest goes. How many clips. */
  async recover() {
    const takes = await this._on(['takes'], 'readonly', (t) => done(t.getAll()));
    let kept = 0;
    for (const take of takes) {
      const chunks = await this._on(['chunks'], 'readonly', (c) => done(c.getAll()));
      const parts = chunks.filter((c) => c.take === take.id).map((c) => c.body);
      if (take.clip && parts.length) {
        await this.add(take.clip, new Blob(parts, { type: take.mime }));
        kept += 1;
      }
      await this.drop(take.id);
    }
    return kept;
  }

  // ---- clips ----

  /** clip: {id, at, device, trigger, seconds, mime, …}; it waits from now on. */
  async add(clip, body) {
    const gone = tooMany(await this.list(), body.size, this._limits);
    this.dropped += gone.filter((c) => c.state !== 'sent').length;
    await this._on(['clips', 'bodies'], 'readwrite', (clips, bodies) => {
      for (const { id } of gone) {
        clips.delete(id);
        bodies.delete(id);
      }
      clips.put({ ...clip, size: body.size, state: 'waiting', tries: 0, why: null });
      bodies.put(body, clip.id);
    });
  }

  /** The newest first. */
  async list() {
    const all = await this._on(['clips'], 'readonly', (clips) => done(clips.getAll()));
    return all.sort((a, b) => b.at - a.at);
  }

  body(id) {
    return this._on(['bodies'], 'readonly', (bodies) => done(bodies.get(id)));
  }

  /** Changes what is said of a clip, unless it was removed meanwhile. */
  change(id, change) {
    return this._on(['clips'], 'readwrite', (clips) => {
      const request = clips.get(id);
      request.onsuccess = () => request.result && clips.put({ ...request.result, ...change });
    });
  }

  remove(id) {
    return this._on(['clips', 'bodies'], 'readwrite', (clips, bodies) => {
      clips.delete(id);
      bodies.delete(id);
    });
  }
}
