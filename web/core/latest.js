// Latest `seq` per stream wins: what an unordered channel, or two ways to the same place, deliver late is dropped.

/** Keeps the highest `seq` per stream and says which messages to drop. */
export class LatestBySeq {
  constructor(maxStreams = 1024) {
    this._max = maxStreams;
    this._seq = new Map();
  }

  /** True when `message` is news for its stream. */
  accept(message) {
    const key = `${message.device ?? ''}/${message.interface ?? ''}/${message.stream ?? message.type}`;
    const last = this._seq.get(key);
    if (last !== undefined && message.seq <= last) return false;
    if (last === undefined && this._seq.size >= this._max) this._seq.delete(this._seq.keys().next().value);
    this._seq.set(key, message.seq);
    return true;
  }

  /** A producer that starts again counts from the start again. */
  reset() {
    this._seq.clear();
  }
}
