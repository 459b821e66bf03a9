// Who somebody is, in words: a host calls those who come by a link "anna, link p7f… (via server)": whose link it is.
// Who uses it, the people of the session say.

const BY_LINK = /^(.*), link (p[0-9a-f]+) \(via server\)$/;
/** By which name somebody who comes by a link goes in his session; null: he comes by none. */
export const peerOf = (user) => BY_LINK.exec(user ?? '')?.[2] ?? null;

const NETWORK = /^[0-9a-f:.]+(\/\d+)?$/i; // who has no name is called by his network

/** The host that made a session for a phone of its own; null: somebody else made it. */
export const hostOf = (maker) => /^host:(.+)$/.exec(maker ?? '')?.[1] ?? null;

/** Who made a session: a user, a host, or a network where nobody has a name. */
export function makerWords(maker) {
  const host = hostOf(maker);
  if (host) return `the host ${host}`;
  return NETWORK.test(maker) ? `somebody at ${maker}` : maker;
}

/** `people`: [{peerId, name, guest}] of the session, or of the device. */
export function whoIs(user, people = []) {
  if (!user) return 'Somebody';
  const [, maker, peerId] = BY_LINK.exec(user) ?? [];
  if (!peerId) return user.replace(/ \(via server\)$/, '');
  const person = people.find((p) => p.peerId === peerId);
  if (person?.guest === false && person.name) return person.name;
  const name = person?.name || 'somebody';
  return NETWORK.test(maker) ? `${name} (guest)` : `${name} (guest, by a link of ${maker})`;
}
