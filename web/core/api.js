// REST client. All URLs are relative to a base that is given, so that everything works below a path prefix.
// Errors are RFC 9457 problems: whoever catches one has a status, a title, a detail and perhaps a field.

import { humane } from './words.js';

/** What went wrong; its texts are fit for people (core/words.js). */
export class ApiError extends Error {
  constructor({ status = 0, title, detail, field, type, ...rest } = {}) {
    detail = typeof detail === 'string' ? humane(detail) : detail;
    super(detail || title || (status ? `HTTP ${status}` : 'The host does not answer'));
    this.name = 'ApiError';
    this.status = status;
    this.title = title || (status ? `HTTP ${status}` : 'No answer');
    this.detail = detail;
    this.field = field;
    this.type = type;
    this.extra = rest; // for example holder and expires_at of a 423
  }
}

/** Response -> ApiError, whatever its body is. */
export async function problemOf(response) {
  let body;
  try {
    const text = await response.text();
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) body = {};
  const retry = Number(response.headers?.get?.('Retry-After'));
  return new ApiError({
    ...body,
    status: response.status,
    title: typeof body.title === 'string' ? body.title : response.statusText || `HTTP ${response.status}`,
    detail: typeof body.detail === 'string' ? body.detail : undefined,
    ...(retry > 0 ? { retry_after_s: retry } : {}),
  });
}

/** The token as a protocol's name, the only header that a page can set on a WebSocket: addresses are in logs. */
export function protocolsWith(token, own = []) {
  if (!token) return own;
  const bytes = String.fromCharCode(...new TextEncoder().encode(token));
  const text = btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  return [...(own.length ? own : ['testbed']), `testbed.bearer.${text}`];
}

const seg = encodeURIComponent;
const READ_MS = 12000; // longer than the host needs for any state: the connection is dead

export class Api {
  /**
   * @param {object} o
   * @param {string} o.base    absolute URL of the folder that holds `host/`, with a final slash
   * @param {Function} o.fetch
   * @param {() => string|null} [o.token]                 bearer token, if there is one
   * @param {(device: string) => string|null} [o.lease]   our lease on a device, sent with what controls it
   * @param {(status: number) => void} [o.onAuth]         told of every 401 and 403
   * @param {boolean} [o.direct]                          the browser reaches the host's URLs, too
   */
  constructor({ base, fetch, token = () => null, lease = () => null, onAuth = () => {}, direct = true }) {
    this.direct = direct;
    if (!base.endsWith('/')) throw new TypeError('base must end with a slash');
    Object.assign(this, { base, _fetch: fetch, _token: token, _lease: lease, _onAuth: onAuth });
  }

  /** Absolute URL of a path below the base. `auth` puts the token in it, for <img> and friends. */
  url(path, { query = {}, auth = false } = {}) {
    const url = new URL(path.replace(/^\/+/, ''), this.base);
    for (const [k, v] of Object.entries(query)) {
      if (v !== undefined && v !== null && v !== '') url.searchParams.set(k, v);
    }
    const token = auth ? this._token() : null;
    if (token) url.searchParams.set('access_token', token);
    return url.href;
  }

  /** The same as a WebSocket URL, without the token: that goes with the protocols, which no log has. */
  wsPath(path, query = {}) {
    return this.url(path, { query }).replace(/^http/, 'ws');
  }

  /** What a WebSocket offers. */
  wsProtocols(own = []) {
    return protocolsWith(this._token(), own);
  }

  headers(extra = {}) {
    const token = this._token();
    return { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...extra };
  }

  /** A read that is not answered in time is asked once more, by another connection. */
  async _answered(url, options) {
    if (options.method !== 'GET' || options.signal) return this._fetch(url, options);
    for (let again = true; ; again = false) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), READ_MS);
      try {
        return await this._fetch(url, { ...options, signal: late.signal });
      } catch (error) {
        if (!late.signal.aborted) throw error;
        if (!again) throw new TypeError('no answer');
      } finally {
        clearTimeout(timer);
      }
    }
  }

  /** One request; resolves with the Response when it is a 2xx (`fresh`: or a 304), rejects with ApiError otherwise. */
  async raw(method, path, { body, type, headers = {}, query, signal, device, fresh = false } = {}) {
    const lease = device ? this._lease(device) : null;
    let response;
    try {
      response = await this._answered(this.url(path, { query }), {
        method,
        body,
        signal,
        cache: 'no-store',
        headers: this.headers({
          ...(type ? { 'Content-Type': type } : {}),
          ...(lease ? { 'X-Lease': lease } : {}),
          ...headers,
        }),
      });
    } catch (error) {
      if (error?.name === 'AbortError') throw error;
      throw new ApiError({ status: 0, title: 'No answer', detail: 'The host does not answer' });
    }
    if (!response.ok && !(fresh && response.status === 304)) {
      const problem = await problemOf(response);
      if (response.status === 401 || response.status === 403) this._onAuth(response.status);
      throw problem;
    }
    return response;
  }

  /** JSON in, JSON out. An empty answer is null. */
  async json(method, path, { body, ...rest } = {}) {
    const response = await this.raw(method, path, {
      ...rest,
      ...(body === undefined ? {} : { body: JSON.stringify(body), type: 'application/json' }),
      headers: { Accept: 'application/json', ...rest.headers },
    });
    if (response.status === 204) return null;
    const text = await response.text();
    if (!text) return null;
    try {
      return JSON.parse(text);
    } catch {
      throw new ApiError({
        status: response.status,
        title: 'Not JSON',
        detail: `${method} ${path} did not answer with JSON`,
      });
    }
  }

  get(path, o) {
    return this.json('GET', path, o);
  }

  /** A list, unless it is the one of this ETag still: null. */
  async newer(path, etag, o = {}) {
    const headers = { Accept: 'application/json', ...(etag ? { 'If-None-Match': etag } : {}) };
    const response = await this.raw('GET', path, { ...o, headers, fresh: true });
    if (response.status === 304) return null;
    return { rows: await response.json(), etag: response.headers?.get?.('ETag') ?? null };
  }

  // ---- paths ----

  device(id) {
    return `host/devices/${seg(id)}`;
  }
  iface(id, name, rest = '') {
    return `${this.device(id)}/${seg(name)}${rest}`;
  }

  // ---- what the views use ----

  health() {
    return this.get('host/health');
  }
  info() {
    return this.get('host/info');
  }
  drivers() {
    return this.get('host/drivers');
  }
  resources() {
    return this.get('host/resources');
  }
  devices() {
    return this.get('host/devices');
  }
  readDevice(id) {
    return this.get(this.device(id));
  }
  attach(device) {
    return this.json('POST', 'host/devices', { body: device });
  }
  changeDevice(id, change) {
    return this.json('PATCH', this.device(id), { body: change, device: id });
  }
  detach(id) {
    return this.json('DELETE', this.device(id), { device: id });
  }

  phones() {
    return this.get('host/phones');
  }
  phone(name) {
    return this.get(`host/phones/${seg(name)}`);
  }
  addPhone(request) {
    return this.json('POST', 'host/phones', { body: request });
  }
  removePhone(name) {
    return this.json('DELETE', `host/phones/${seg(name)}`);
  }

  takeLease(id, request, signal) {
    return this.json('POST', `${this.device(id)}/lease`, { body: request, signal });
  }
  renewLease(id) {
    return this.json('PUT', `${this.device(id)}/lease`, { device: id });
  }
  /** Who asks has the device from now on, or not. */
  answerLease(id, ask, grant) {
    return this.json('POST', `${this.device(id)}/lease/answer`, { body: { ask, grant }, device: id });
  }
  endLease(id) {
    return this.json('DELETE', `${this.device(id)}/lease`, { device: id });
  }

  power(id, name) {
    return this.get(this.iface(id, name));
  }
  setPower(id, name, state) {
    return this.json('PUT', this.iface(id, name), { body: { state }, device: id });
  }
  cyclePower(id, name, offS) {
    return this.json('POST', this.iface(id, name, '/cycle'), { body: { off_s: offS }, device: id });
  }

  console(id, name) {
    return this.get(this.iface(id, name));
  }
  setConsole(id, name, settings) {
    return this.json('PATCH', this.iface(id, name), { body: settings, device: id });
  }
  /** Lends its tty to a program of the host for so long; 0 takes it back. */
  releaseConsole(id, name, for_s) {
    return this.json('POST', this.iface(id, name, '/release'), { body: { for_s }, device: id });
  }
  sendBreak(id, name, ms = 250) {
    return this.json('POST', this.iface(id, name, '/break'), { body: { ms }, device: id });
  }

  video(id, name) {
    return this.get(this.iface(id, name));
  }
  input(id, name, events) {
    return this.json('POST', this.iface(id, name), { body: events, device: id });
  }
  /** What was copied last on the device; null: nothing yet. */
  async clipboard(id, name) {
    const response = await this.raw('GET', this.iface(id, name, '/clipboard'), { device: id });
    if (response.status === 204) return null;
    const json = (response.headers.get('Content-Type') ?? '').includes('json'); // as a command answers
    return json ? (await response.json()).text : response.text();
  }
  sensors(id, name) {
    return this.get(this.iface(id, name));
  }
  /** `steps`: {from (ms), step_s}; without it the last samples. */
  sensorHistory(id, name, steps = null) {
    return this.get(this.iface(id, name, `/history${steps ? `?${new URLSearchParams(steps)}` : ''}`));
  }

  shell(id, name, request) {
    return this.json('POST', this.iface(id, name), { body: request, device: id });
  }
  apps(id, name) {
    return this.get(this.iface(id, name));
  }
  appVerb(id, name, pkg, verb) {
    return this.json('POST', this.iface(id, name, `/${seg(pkg)}/${verb}`), { device: id });
  }
  removeApp(id, name, pkg) {
    return this.json('DELETE', this.iface(id, name, `/${seg(pkg)}`), { device: id });
  }
  async installApp(id, name, apk) {
    const response = await this.raw('POST', this.iface(id, name), {
      body: apk,
      type: 'application/vnd.android.package-archive',
      device: id,
    });
    return response.json();
  }

  listFiles(id, name, path) {
    return this.raw('GET', this.iface(id, name), { query: { path } });
  }
  putFile(id, name, path, blob) {
    return this.raw('PUT', this.iface(id, name), {
      query: { path },
      body: blob,
      type: 'application/octet-stream',
      device: id,
    });
  }
  /** {url, headers} of a PUT that somebody else sends: fetch() tells no progress. */
  putRequest(id, name, path) {
    const lease = this._lease(id);
    return {
      url: this.url(this.iface(id, name), { query: { path } }),
      headers: this.headers({ 'Content-Type': 'application/octet-stream', ...(lease ? { 'X-Lease': lease } : {}) }),
    };
  }
  /** `recursive`: a folder with all that is in it. */
  removeFile(id, name, path, recursive = false) {
    return this.raw('DELETE', this.iface(id, name), {
      query: { path, ...(recursive ? { recursive } : {}) },
      device: id,
    });
  }
  renameFile(id, name, path, to) {
    return this.json('POST', this.iface(id, name, '/rename'), { body: { path, to }, device: id });
  }

  rules() {
    return this.get('host/rules');
  }
  addRule(rule) {
    return this.json('POST', 'host/rules', { body: rule });
  }
  putRule(name, rule) {
    return this.json('PUT', `host/rules/${seg(name)}`, { body: rule });
  }
  removeRule(name) {
    return this.json('DELETE', `host/rules/${seg(name)}`);
  }
  testRule(name, request) {
    return this.json('POST', `host/rules/${seg(name)}/test`, { body: request });
  }
  usb() {
    return this.get('host/usb');
  }
  usbPower(port, state) {
    return this.json('PUT', `host/usb/${seg(port)}/power`, { body: { state } });
  }
  usbReset(port) {
    return this.json('POST', `host/usb/${seg(port)}/reset`);
  }
}
