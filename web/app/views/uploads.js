// Files on their way to a device: one after the other, each with its progress, its end and a button that takes it back.
// What is there already is asked about first.

import { problemOf } from '../../core/api.js';
import { bytes, percent } from '../../core/format.js';
import { dialogButtons, h, icon, modal, text } from '../dom.js';

/** Sends `body`; {done, cancel()}. fetch() tells no progress of what it sends. */
export function send({ url, headers }, body, onProgress) {
  const xhr = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    xhr.upload.addEventListener('progress', (e) => onProgress(e.loaded));
    xhr.addEventListener('load', () => {
      if (xhr.status < 300) resolve();
      else problemOf(new Response(xhr.responseText, { status: xhr.status })).then(reject);
    });
    xhr.addEventListener('error', () => reject(new Error('The connection was lost')));
    xhr.addEventListener('abort', () => reject(new DOMException('taken back', 'AbortError')));
    xhr.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.send(body);
  });
  return { done, cancel: () => xhr.abort() };
}

/** Files of a drop, also those in folders: [{file, path}], the path below the folder that they go to. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((i) => i.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const out = [];
  const walk = async (entry, above) => {
    const path = above + entry.name;
    if (entry.isFile) {
      out.push({ file: await new Promise((ok, no) => entry.file(ok, no)), path });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((ok, no) => reader.readEntries(ok, no));
      if (!some.length) return;
      for (const e of some) await walk(e, `${path}/`);
    }
  };
  for (const entry of entries) await walk(entry, '');
  return out;
}

/** 'replace', 'skip' or null: no more of all that; `all`: the answer is for those that come, too. */
const askReplace = (name, folder, more) =>
  modal(
    (close) => {
      const all = h('input', { type: 'checkbox' });
      const answer = (what) => () => close({ what, all: all.checked });
      return h(
        'form',
        {
          method: 'dialog',
          onsubmit: (e) => {
            e.preventDefault();
            answer('replace')();
          },
        },
        h('h2', {}, `Replace ${name}?`),
        h('p', {}, `There is something of that name in ${folder} already. What is replaced cannot be brought back.`),
        more ? h('label', { class: 'check' }, all, 'The same for all others') : null,
        h('button', { type: 'button', class: 'btn', onclick: answer('skip') }, 'Leave it as it is'),
        dialogButtons(() => close(null), h('button', { type: 'submit', class: 'btn danger-fill' }, 'Replace')),
      );
    },
    { label: `Replace ${name}?` },
  );

/**
 * {el, add(files, folder, names)}: `files` [{file, path}] go into `folder`, where `names` (a Set) are already; resolves
 * when all have ended. `send(path, file, onProgress)` puts it there: {done, cancel()}.
 */
export function mountUploads({ send: put, scope, toast }) {
  const el = h('ul', { class: 'uploads', 'aria-label': 'Uploads' });
  let last = Promise.resolve();
  const running = new Set();
  scope.add(() => {
    for (const stop of running) stop();
  });

  function row({ file, path }) {
    const bar = h('progress', { max: Math.max(1, file.size), value: 0, 'aria-label': `Upload of ${path}` });
    const state = h('span', { class: 'muted small num' }, 'waits');
    const cancel = h(
      'button',
      { type: 'button', class: 'btn quiet icon-only', 'aria-label': `Cancel ${path}`, title: 'Cancel' },
      icon('close'),
    );
    const li = h('li', {}, h('span', { class: 'ellipsis grow', title: path }, path), bar, state, cancel);
    el.append(li);
    return { li, bar, state, cancel };
  }

  async function one(item, folder, shown) {
    const { li, bar, state, cancel } = shown;
    if (scope.closed || li.dataset.off) {
      li.remove();
      return;
    }
    const { done, cancel: stop } = put(`${folder.replace(/\/+$/, '')}/${item.path}`, item.file, (n) => {
      bar.value = n;
      text(state, n < item.file.size ? `${percent((n / item.file.size) * 100)} of ${bytes(item.file.size)}` : 'ending');
    });
    running.add(stop);
    cancel.onclick = stop;
    try {
      await done;
    } catch (error) {
      if (error.name !== 'AbortError') toast.error(error, item.path);
      else toast.warn('Upload', `${item.path} was taken back. What had arrived of it may be there.`);
    } finally {
      running.delete(stop);
      li.remove();
    }
  }

  async function add(files, folder, names) {
    const wanted = [];
    const answers = new Map(); // of the first part of a path: folders are asked about once
    let always = null;
    for (const item of files) {
      const top = item.path.split('/')[0];
      if (names.has(top) && !answers.has(top)) {
        const answer = always ?? (await askReplace(top, folder, files.length > 1));
        if (!answer) return;
        if (answer.all) always = answer;
        answers.set(top, answer.what);
      }
      if (answers.get(top) !== 'skip') wanted.push(item);
    }
    const rows = wanted.map((item) => {
      const shown = row(item);
      shown.cancel.onclick = () => {
        shown.li.dataset.off = 'true';
        shown.li.hidden = true;
      };
      return shown;
    });
    for (const [i, item] of wanted.entries()) last = last.then(() => one(item, folder, rows[i]));
    await last;
  }
  return { el, add };
}
