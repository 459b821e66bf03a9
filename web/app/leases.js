// Our leases: heartbeats while somebody works, the warning before one ends, who asks for one. A lease is its user's:
// who shows a token has it in every tab and script by his name; where there are no tokens, all tabs of this browser
// share the secret. By a link each tab is one of those in the session, and the server shows which of them controls: so
// each has leases of its own, and gives them to another tab of this browser without a question.

import { endOfLease, LeaseKeeper } from '../core/lease.js';
import { Emitter } from '../core/emitter.js';
import { peerOf, whoIs } from '../core/who.js';
import * as prefs from './prefs.js';
import { showAsk } from './views/login.js';

const TABS = 50; // of this browser whose names are remembered
const NEXT_MS = 700; // within it whoever waited, or ends a lease to have one, has it

export class Leases extends Emitter {
  /** `name`: under which this browser remembers them; `kind`: 'session': this tab alone. */
  constructor({ toast, name = 'leases', kind = 'local', who = whoIs }) {
    super();
    this.who = who; // a user's name in words
    this._toast = toast;
    this._name = name;
    this._kind = kind;
    // device -> {lease, holder, ttl_s, expires_at}
    this._mine = new Map(Object.entries(prefs.get(name, {}, kind)));
    window.addEventListener('storage', (e) => {
      if (kind === 'local' && e.key === prefs.name(name)) this._fromOtherTab();
    });
    this._keepers = new Map();
    this._given = null; // device that was granted to who asked
    this._asks = new Map(); // device and request -> {device, by, away}
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
    store.subscribe((state, before, action) => {
      if (state.devices === before.devices) return;
      const ended = action.event?.event === 'lease.ended' ? action.event.data : null;
      for (const { device, away } of [...this._asks.values()]) if (!this.isMine(device)) away();
      for (const device of [...this._mine.keys()]) {
        const was = before.devices[device]?.lease;
        const now = state.devices[device]?.lease;
        if (was && state.devices[device] && (!now || now.holder !== was.holder)) {
          this._drop(device);
          this._tellEnd(device, ended);
        }
      }
    });
  }

  /** Said when it is known who has it after us. */
  _tellEnd(device, ended) {
    setTimeout(
      () => {
        const now = this._store.state.devices[device]?.lease ?? null;
        if (this.isMine(device) || this._given === device) return; // taken again, or given away
        this._toast.warn(`Your lease of ${device} has ended`, endOfLease(ended, now, this.who), `lease ${device}`);
      },
      ended?.by ? 0 : NEXT_MS,
    );
  }

  async renew(device) {
    if (this._keepers.has(device)) await this._keepers.get(device).renew();
    else await this._api.renewLease(device);
  }

  /** Somebody waits for what we have. `ask`: the number of the request; older hosts have none. */
  asked(device, { by, note, ask, wait_s }) {
    if (!this.isMine(device) || by === this._store.state.me?.user) return;
    const key = `${device} ${ask ?? ''}`;
    this._asks.get(key)?.away();
    // a tab asks once: what it asked before ended with its line, while nobody could tell us
    for (const before of [...this._asks.values()])
      if (peerOf(by) && before.device === device && before.by === by) before.away();
    const answer = async (grant) => {
      try {
        if (grant) this._given = device;
        if (ask) await this._api.answerLease(device, ask, grant);
        else if (grant) await this.release(device);
        if (grant) this._drop(device);
      } catch (error) {
        if (grant && this._given === device) this._given = null; // it was not: how our lease ends is told
        if (error.status !== 404) throw error;
        this._toast.info('Nobody asks any more', 'The request was withdrawn, or its time is over.');
      }
    };
    // said also where the page says already that the line is broken: who answered has to know that nobody heard it
    const failed = (doing) => (error) => {
      if (error.status !== 0 && error.status !== 504) this._toast.error(error, doing);
      else
        this._toast.warn(
          'Your answer did not arrive',
          `${device} is as it was. Answer again when the connection is back.`,
          `answer ${device}`,
        );
    };
    if (prefs.get('tabs', []).includes(peerOf(by))) {
      answer(true).then(
        () => this._toast.info('Another tab of yours has control now', `It asked for ${device}.`),
        failed('The request of another tab'),
      );
      return;
    }
    const strip = showAsk({
      device,
      by: this.who(by),
      note,
      seconds: wait_s,
      grant: () => answer(true),
      refuse: () => answer(false),
      onError: failed('The request'),
    });
    const away = () => {
      this._asks.delete(key);
      strip();
    };
    this._asks.set(key, { device, by, away });
  }

  /** It was answered, or nobody asks any more. */
  settled(device, { ask }) {
    this._asks.get(`${device} ${ask ?? ''}`)?.away();
  }

  /** By which name this tab goes. Leases of another name are not its own: it is a copy of the tab that has them. */
  iAm(peerId) {
    const key = `${this._name}.of`;
    const was = prefs.get(key, null, 'session');
    if (was && was !== peerId) this.forget();
    prefs.put(key, peerId, 'session');
    const others = prefs.get('tabs', []).filter((id) => id !== peerId);
    prefs.put('tabs', [...others, peerId].slice(-TABS));
  }

  /** Who used this browser has logged out: his leases stay his, by his token. */
  forget() {
    for (const device of [...this._mine.keys()]) this._drop(device);
  }

  /** Taken or handed back in another tab of this browser. */
  _fromOtherTab() {
    const now = prefs.get(this._name, {});
    for (const device of [...this._mine.keys()]) if (!now[device]) this._drop(device);
    for (const [device, lease] of Object.entries(now)) {
      if (this._mine.get(device)?.lease === lease.lease) continue;
      this._mine.set(device, lease);
      this._keep(device);
      this.emit('change', device);
    }
  }

  /** Whether this user has the lease: by its secret, or by name. */
  isMine(device) {
    if (this._mine.has(device)) return true;
    const { me, devices } = this._store?.state ?? {};
    return Boolean(me?.named && me.user && devices[device]?.lease?.holder === me.user);
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

  /** `wait`: {wait_s, signal}: asks for what somebody else has, and gets it when it is free. */
  async take(device, { ttl_s, note }, { wait_s, signal } = {}) {
    if (this._given === device) this._given = null;
    const lease = await this._api.takeLease(
      device,
      { ttl_s, ...(note ? { note } : {}), ...(wait_s ? { wait_s } : {}) },
      signal,
    );
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
      this._toast.warn(`Your lease of ${device} has ended`, error.detail ?? error.message, `lease ${device}`);
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
    prefs.put(this._name, Object.fromEntries(this._mine), this._kind);
  }
}
