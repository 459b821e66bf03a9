// Which devices send their samples straight to this page, by the data channel `sensor` of their picture: for those
// nobody needs to ask for them a second time.

import { Emitter } from './emitter.js';

/** Events: `change` (device). */
export class Telemetry extends Emitter {
  constructor() {
    super();
    this._open = new Map(); // device -> open channels
  }

  direct(device) {
    return this._open.has(device);
  }

  /** A data channel of that device is open from now on; call what is returned when it is not any more. */
  opened(device) {
    this._add(device, 1);
    let done = false;
    return () => {
      if (!done) this._add(device, -1);
      done = true;
    };
  }

  _add(device, n) {
    const before = this.direct(device);
    const left = (this._open.get(device) ?? 0) + n;
    if (left) this._open.set(device, left);
    else this._open.delete(device);
    if (this.direct(device) !== before) this.emit('change', device);
  }
}
