// The 20 lines of events that core needs: EventTarget would want Event objects, and tests want plain values.

export class Emitter {
  constructor() {
    this._listeners = new Map();
  }

  /** Adds a listener; the returned function removes it again. */
  on(name, listener) {
    let set = this._listeners.get(name);
    if (!set) this._listeners.set(name, (set = new Set()));
    set.add(listener);
    return () => set.delete(listener);
  }

  emit(name, ...args) {
    for (const listener of [...(this._listeners.get(name) ?? [])]) listener(...args);
  }
}
