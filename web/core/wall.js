// Which devices are on a wall, in which order and in how many columns: as a link says it, or as it was left.

const NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}\/[a-z0-9][a-z0-9._-]{0,63}$/;
export const MOST = 36; // devices on one wall
export const COLUMNS = [0, 1, 2, 3, 4, 6]; // 0: as many as there is room for

/** Of anything that was kept or given: only what makes sense. `devices` null: nothing was chosen, all are shown. */
export function wallOf(kept) {
  const list = Array.isArray(kept?.devices) ? kept.devices : null;
  const columns = COLUMNS.includes(kept?.columns) ? kept.columns : 0;
  const devices = list && [...new Set(list.filter((d) => typeof d === 'string' && NAME.test(d)))].slice(0, MOST);
  return { devices, columns, large: devices?.includes(kept?.large) ? kept.large : null };
}

/** ?d=lab-1/board,lab-2/desk&n=3&large=lab-1/board; null: the address says nothing of it. */
export function wallOfUrl(search) {
  const query = new URLSearchParams(search);
  if (!query.has('d')) return null;
  return wallOf({
    devices: query.get('d').split(',').filter(Boolean),
    columns: Number(query.get('n') ?? 0),
    large: query.get('large'),
  });
}

export function urlOfWall({ devices, columns, large }) {
  if (!devices) return '';
  const more = `${columns ? `&n=${columns}` : ''}${large ? `&large=${large}` : ''}`;
  return `?d=${devices.join(',')}${more}`;
}

/** The devices in another order: `name` by `step` places. */
export function moved(devices, name, step) {
  const at = devices.indexOf(name);
  const to = Math.min(devices.length - 1, Math.max(0, at + step));
  if (at < 0 || to === at) return devices;
  const left = devices.filter((d) => d !== name);
  return [...left.slice(0, to), name, ...left.slice(to)];
}
