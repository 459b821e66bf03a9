// What is too large for messages, through a link: files, packages, pictures of the link's device, carried by the server
// to its host. The link's token goes in a header; in a URL only where the browser asks by itself (a download).

import { Api } from './api.js';

export class LinkApi extends Api {
  /** `root`: the server's folder; `session`: {sessionId, token}. */
  constructor({ root, session, ...rest }) {
    super({ base: new URL(`api/session/${encodeURIComponent(session.sessionId)}/`, root).href, ...rest });
    this._link = session.token;
  }

  iface(id, name, below = '') {
    return `device/${encodeURIComponent(name)}${below}`;
  }

  headers(extra = {}) {
    return super.headers({ 'X-Session-Token': this._link, ...extra });
  }

  url(path, { query = {}, auth = false } = {}) {
    return super.url(path, { auth, query: auth ? { ...query, token: this._link } : query });
  }
}
