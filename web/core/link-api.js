// What is too large for messages, through a link: files, packages, pictures of the link's device, carried by the server
// to its host. The link's token goes in the URL, as in the link itself.

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

  url(path, { query = {}, ...rest } = {}) {
    return super.url(path, { ...rest, query: { ...query, token: this._link } });
  }
}
