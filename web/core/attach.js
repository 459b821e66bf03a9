// Attach URIs as a form has them: a driver, a place, parameters; and the `attach` of a device with several of them.

const HEAD = /^([a-z][a-z0-9+.-]*):\/\/([^?#]*)(?:\?([^#]*))?/i;

const decoded = (text) => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text; // half an escape: it is still being typed
  }
};
// what a query may hold as it is: people read these
const encoded = (text) => encodeURIComponent(text).replace(/%(2F|3A|2C|5B|5D|22|40)/g, (m) => decodeURIComponent(m));

/** {driver, place, params: Map} of a URI; the driver is '' where there is none yet. */
export function partsOf(uri) {
  const m = HEAD.exec(uri.trim());
  if (!m) return { driver: '', place: uri.trim(), params: new Map() };
  const params = new Map(
    (m[3] ?? '')
      .split('&')
      .filter(Boolean)
      .map((pair) => {
        const at = pair.indexOf('=');
        return at < 0 ? [decoded(pair), ''] : [decoded(pair.slice(0, at)), decoded(pair.slice(at + 1))];
      }),
  );
  return { driver: m[1].toLowerCase(), place: m[2], params };
}

/** The URI of these; parameters without a value are left out. */
export function uriOf({ driver, place, params }) {
  const query = [...params]
    .filter(([, v]) => v !== '')
    .map(([k, v]) => `${encoded(k)}=${encoded(v)}`)
    .join('&');
  return `${driver}://${place}${query ? `?${query}` : ''}`;
}

/** A value that the host does not tell, a password: it has to be given again. */
export const isHidden = (uri) => uri.includes('***');

/**
 * `attach` of a device. `connections`: [{uri, names: {kind: name}}]; `names` has the kinds that are called otherwise.
 * `drivers`: as the API lists them. An array of URIs where nothing has a name of its own.
 */
export function attachOf(connections, drivers) {
  const kindsOf = (uri) => drivers.find((d) => d.name === partsOf(uri).driver)?.kinds ?? [];
  const named = ({ uri, names = {} }) => kindsOf(uri).some((k) => names[k] && names[k] !== k);
  if (!connections.some(named)) return connections.map((c) => c.uri);
  const attach = {};
  for (const { uri, names = {} } of connections)
    for (const kind of Object.keys(names).length ? Object.keys(names) : kindsOf(uri)) {
      const name = names[kind] || kind;
      attach[name] = name === kind || kindsOf(uri).length === 1 ? uri : { uri, kind };
    }
  return attach;
}

/** The connections of a device that exists: its interfaces by their URIs. */
export function connectionsOf(device) {
  const all = new Map();
  for (const i of device.interfaces ?? []) {
    const c = all.get(i.uri) ?? { uri: i.uri, names: {} };
    c.names[i.kind] = i.name;
    all.set(i.uri, c);
  }
  return [...all.values()];
}
