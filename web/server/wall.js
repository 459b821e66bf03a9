// Several devices of several hosts beside each other, live. Which, in what order and how wide is kept in this browser
// and in the address, so that a wall can be sent to somebody.

import { COLUMNS, MOST, moved, urlOfWall, wallOf, wallOfUrl } from '../core/wall.js';
import { empty, fill, h, icon } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { logInByLink, makeLists, makePage, pageLinks } from './common.js';
import { Tile } from './tile.js';

const root = new URL('.', document.baseURI.replace(/[?#].*$/, '')).href;
logInByLink();
let asking = false;
const page = makePage(root, 'Wall', { onAuth: logIn, logOut: logIn });
const { main, end, api, announce } = page;
pageLinks(end, 'Wall');
const lists = makeLists(api);

let wall = wallOfUrl(location.search) ?? wallOf(prefs.get('wall', null));
let known = []; // devices that the server lists
const tiles = new Map(); // device -> Tile

const grid = h('div', { class: 'wall', id: 'wall', role: 'group', 'aria-label': 'Devices on the wall' });
const none = h('div', { hidden: true });
const add = h('select', { class: 'input', 'aria-label': 'Add a device', onchange: () => addOne(add.value) });
const columns = h(
  'select',
  { class: 'input', 'aria-label': 'Columns', onchange: () => change({ columns: Number(columns.value) }) },
  COLUMNS.map((n) => h('option', { value: n }, n ? `${n} ${n === 1 ? 'column' : 'columns'}` : 'as it fits')),
);
const fullScreen = () => (document.fullscreenElement ? document.exitFullscreen() : grid.requestFullscreen?.());
const full = h(
  'button',
  { type: 'button', class: 'btn', id: 'full', onclick: fullScreen },
  icon('expand'),
  'Full screen',
);
const all = h(
  'button',
  { type: 'button', class: 'btn quiet', onclick: () => change({ devices: null, large: null }) },
  'Show all',
);
fill(
  main,
  h(
    'div',
    { class: 'head' },
    h('h1', {}, 'Wall'),
    h('span', { class: 'spacer' }),
    h('div', { class: 'wall-tools' }, add, columns, all, full),
  ),
  none,
  grid,
);
full.hidden = !document.fullscreenEnabled;
document.addEventListener('keydown', (e) => {
  // a button takes neither key, so both work behind a press of "Enlarge"; a dialog has an Escape of its own
  if (e.target.closest?.('input, select, textarea, dialog') || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === 'f') fullScreen();
  else if (e.key === 'Escape' && wall.large) change({ large: null });
});

const inSight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) tiles.get(target.dataset.device)?.seen(isIntersecting && shown());
  },
  { rootMargin: '60px' },
);
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) tiles.get(target.dataset.device)?.resized();
});
const shown = () => !document.hidden;
document.addEventListener('visibilitychange', () => {
  for (const tile of tiles.values()) {
    inSight.unobserve(tile.el);
    if (shown()) inSight.observe(tile.el);
    else tile.seen(false);
  }
});

const withPicture = () => known.filter((d) => (d.interfaces ?? []).some((i) => (i.kind ?? i) === 'video'));
const nameOf = (d) => d.id ?? `${d.host}/${d.device}`;
const devices = () => wall.devices ?? withPicture().map(nameOf).slice(0, MOST);

function change(what) {
  wall = wallOf({ ...wall, ...what });
  prefs.put('wall', wall.devices || wall.columns ? wall : null);
  history.replaceState(null, '', `${location.pathname}${urlOfWall(wall)}`);
  show();
}

function addOne(name) {
  if (!name) return;
  change({ devices: [...devices(), name] });
  tiles.get(name)?.el.focus();
  announce(`${name} is on the wall`);
}

function actsOf(name) {
  return {
    remove: () => {
      const list = devices();
      const next = list[list.indexOf(name) + 1] ?? list[list.indexOf(name) - 1];
      change({ devices: list.filter((d) => d !== name), large: wall.large === name ? null : wall.large });
      (tiles.get(next)?.el ?? add).focus();
      announce(`${name} was taken off the wall`);
    },
    move: (step) => {
      change({ devices: moved(devices(), name, step) });
      tiles.get(name)?.el.focus();
    },
    large: () => {
      change({ devices: devices(), large: wall.large === name ? null : name });
      tiles.get(name)?.el.scrollIntoView({ block: 'nearest' });
    },
  };
}

function show() {
  const list = devices();
  for (const [name, tile] of tiles) {
    if (list.includes(name)) continue;
    inSight.unobserve(tile.el);
    sizes.unobserve(tile.el);
    tile.close({ forget: true });
    tile.el.remove();
    tiles.delete(name);
  }
  list.forEach((name, i) => {
    let tile = tiles.get(name);
    if (!tile) {
      tile = new Tile({ name, api, root, acts: actsOf(name) });
      tiles.set(name, tile);
    }
    tile.enlarged(wall.large === name);
    if (grid.children[i] !== tile.el) grid.insertBefore(tile.el, grid.children[i] ?? null);
    inSight.observe(tile.el);
    sizes.observe(tile.el);
  });
  columns.value = String(wall.columns);
  if (wall.columns) {
    grid.dataset.columns = wall.columns;
    grid.style.setProperty('--columns', wall.columns);
  } else delete grid.dataset.columns;
  const more = withPicture().map(nameOf);
  const left = more.filter((n) => !list.includes(n));
  fill(
    add,
    h('option', { value: '' }, left.length ? 'Add a device …' : 'All are shown'),
    left.map((n) => h('option', { value: n }, n)),
  );
  add.disabled = !left.length || list.length >= MOST;
  all.hidden = !wall.devices;
  none.hidden = list.length > 0;
  if (!list.length)
    fill(none, empty('screen', 'Nothing is on the wall. Add a device above; one without a picture has no place here.'));
}

async function logIn() {
  if (asking) return;
  asking = true;
  lists.stop();
  none.hidden = false;
  await page.askWho(none);
  asking = false;
  page.whoAmI();
  lists.start();
}

let before = '';
lists.read(
  'devices',
  (all) => {
    known = all;
    const now = JSON.stringify(withPicture().map(nameOf));
    if (now === before) return;
    before = now;
    show();
  },
  (error) => {
    if (asking || tiles.size) return; // each tile says what is wrong with it
    none.hidden = false;
    fill(none, empty('warn', error.status > 0 ? error.message : 'The server does not answer. The page tries again.'));
  },
);

window.addEventListener('pagehide', () => {
  for (const tile of tiles.values()) tile.seen(false);
});
if (wall.devices) show();
page
  .whoAmI()
  .catch(() => {})
  .then(() => asking || lists.start());
