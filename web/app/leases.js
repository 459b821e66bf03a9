// Our leases: secrets for this tab, heartbeats while somebody works, the warning before one ends.

import { LeaseKeeper } from '../core/lease.js';
import { Emitter } from '../core/emitter.js';
import * as prefs from './prefs.js';

export class Leases extends Emitter {
  constructor({ toast }) {
    super();
    this._toast = toast;
    // device -> {lease, holder, ttl_s, expires_at}
    this._mine = new Map(Object.entries(prefs.get('leases', {}, 'session')));
    this._keepers = new Map();
    for (const name of ['pointerdown', 'keydown', 'wheel']) {
      window.addEventListener(
        name,
        () => {
          for (const k of this._keepers.values()) k.touch();
        },
        { passive: true, capture: true },
      );
    }
  }

  attach(api, store) {
    this._api = api;
    this._store = store;
    for (const device of this._mine.keys()) this._keep(device);
    store.subscribe((state, before) => {
      if (state.devices === before.devices) return;
      for (const device of [...this._mine.keys()]) {
        const was = before.devices[device]?.lease;
        const now = state.devices[device]?.lease;
        if (was && state.devices[device] && (!now || now.holder !== was.holder)) {
          this._drop(device);
          this._toast.warn(
            `Your lease of ${device} has ended`,
            now ? `${now.holder} has it now. You can go on watching.` : 'Others may control it now.',
          );
        }
      }
    });
  }

  secret(device) {
    return this._mine.get(device)?.lease ?? null;
  }

  mine(device) {
    return this._mine.get(device) ?? null;
  }

  keeper(device) {
    return this._keepers.get(device) ?? null;
  }

  async take(device, { ttl_s, note }) {
    const lease = await this._api.takeLease(device, { ttl_s, ...(note ? { note } : {}) });
    this._mine.set(device, { ...lease, ttl_s });
    this._save();
    this._keep(device);
    this._store.dispatch({
      type: 'lease',
      device,
      lease: { holder: lease.holder, note: note || null, expires_at: lease.expires_at },
    });
    this.emit('change', device);
  }

  async release(device) {
    try {
      await this._api.endLease(device);
    } finally {
      this._drop(device);
    }
    this._store.dispatch({ type: 'lease', device, lease: null });
  }

  /** Admin: ends somebody else's lease. */
  async takeOver(device, request) {
    await this._api.endLease(device);
    this._store.dispatch({ type: 'lease', device, lease: null });
    await this.take(device, request);
  }

  _keep(device) {
    this._keepers.get(device)?.stop();
    const own = this._mine.get(device);
    const keeper = new LeaseKeeper({
      renew: () => this._api.renewLease(device),
      ttlS: own.ttl_s ?? 600,
      expiresAt: own.expires_at,
    });
    keeper.on('renewed', (lease) => {
      if (lease?.expires_at) {
        own.expires_at = lease.expires_at;
        this._save();
      }
      this.emit('change', device);
    });
    keeper.on('warning', (seconds) => {
      this._toast.warn(`Your lease of ${device} ends in ${seconds} s`, 'Do anything on this page to keep it.');
      this.emit('change', device);
    });
    keeper.on('lost', (error) => {
      this._drop(device);
      this._toast.warn(`Your lease of ${device} has ended`, error.detail ?? error.message);
    });
    keeper.start();
    this._keepers.set(device, keeper);
  }

  _drop(device) {
    this._keepers.get(device)?.stop();
    this._keepers.delete(device);
    if (this._mine.delete(device)) {
      this._save();
      this.emit('change', device);
    }
  }

  _save() {
    prefs.put('leases', Object.fromEntries(this._mine), 'session');
  }
}
