// The seconds before it: two recorders take turns on one stream, so that one of them is always old enough. What is
// noticed makes a clip of the older one, which is a whole file with its beginning; all others are thrown away.

const CHUNK_MS = 2000; // so much is lost when the browser is killed
const TYPES = ['video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4;codecs=avc1.42E01E,mp4a.40.2', 'video/mp4'];

/** What this browser records; null: nothing. */
export const typeOf = (MediaRecorder) =>
  MediaRecorder ? (TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null) : null;

export class Takes {
  /** `done(clip, body)`: a clip is there. `failed(error)`: nothing is recorded any more, or not kept. */
  constructor({ store, MediaRecorder, done, failed, uuid = () => crypto.randomUUID() }) {
    Object.assign(this, { _store: store, _Recorder: MediaRecorder, _done: done, _failed: failed, _uuid: uuid });
    this._takes = []; // the oldest first
    this._timer = null;
    this.clip = null; // the take that is becoming one
  }

  start(stream, { preMs, postMs, bits = 1500000 }) {
    Object.assign(this, { _stream: stream, _pre: preMs, _post: postMs, _bits: bits });
    this._turn();
  }

  stop() {
    clearTimeout(this._timer);
    this._timer = null;
    for (const take of this._takes.splice(0)) {
      if (take === this.clip) this._finish(take);
      else this._throw(take);
    }
    this._stream = null;
  }

  _turn() {
    if (!this._stream) return;
    try {
      this._begin();
    } catch (error) {
      this._failed(error);
      return;
    }
    while (this._takes.length > 2) this._throw(this._takes.shift());
    this._timer = setTimeout(() => this._turn(), Math.max(this._pre, 500));
  }

  _begin() {
    const type = typeOf(this._Recorder);
    const recorder = new this._Recorder(this._stream, { mimeType: type, videoBitsPerSecond: this._bits });
    const mime = type.split(';')[0];
    const take = { id: this._uuid(), mime, at: Date.now(), since: performance.now(), recorder, parts: [], n: 0 };
    take.ended = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
    // while nothing was noticed it is nobody's: only what becomes a clip is written as it comes
    recorder.addEventListener('dataavailable', (e) => {
      if (!e.data.size || take.thrown) return;
      take.parts.push(e.data);
      if (take.noticed) this._write(take);
    });
    recorder.addEventListener('error', (e) => this._failed(e.error ?? new Error('The recorder has stopped')));
    recorder.start(CHUNK_MS);
    this._takes.push(take);
  }

  _write(take) {
    take.written = (take.written ?? Promise.resolve()).then(async () => {
      for (; take.n < take.parts.length; take.n++) await this._store.append(take.id, take.n, take.parts[take.n]);
    });
    take.written.catch((error) => this._failed(error));
  }

  _throw(take) {
    take.thrown = true;
    if (take.recorder.state !== 'inactive') take.recorder.stop();
  }

  /** Something was noticed now. `about`: {device, trigger, prompt, session}. False: a clip is being recorded already. */
  notice(about) {
    if (this.clip || !this._takes.length) return false;
    const take = (this.clip = this._takes[0]);
    clearTimeout(this._timer);
    for (const other of this._takes.splice(1)) this._throw(other);
    take.noticed = { id: take.id, at: Date.now(), mime: take.mime, ...about };
    const { id, mime, at } = take;
    take.written = this._store.notice({ id, mime, at }, { ...take.noticed, seconds: (this._pre + this._post) / 1000 });
    this._write(take);
    take.recorder.requestData(); // what there is so far is kept from now on
    take.timer = setTimeout(() => {
      this._takes.shift();
      this._finish(take);
      this._turn();
    }, this._post);
    return true;
  }

  async _finish(take) {
    clearTimeout(take.timer);
    if (take.recorder.state !== 'inactive') take.recorder.stop();
    await take.ended;
    this.clip = null;
    const seconds = Math.round((performance.now() - take.since) / 10) / 100;
    try {
      await take.written;
      const body = new Blob(take.parts, { type: take.mime });
      if (body.size) await this._store.add({ ...take.noticed, seconds }, body);
      await this._store.drop(take.id);
      if (body.size) this._done(take.noticed);
    } catch (error) {
      this._failed(error);
    }
  }
}
