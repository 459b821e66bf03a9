// A telescope: where it points, where to, focus, exposure, and what is under way. The picture is beside it.

import { key } from '../../core/store.js';
import { apart, doingWords, formatSky, parseSky } from '../../core/sky.js';
import { actionButton, field, fill, h, icon, notice, Scope, text, uid } from '../dom.js';

const HOLD_MS = 700; // how often a move goes on while a button is held;
const MOVE_S = 1.5; // it ends by itself when nothing more is said
const LOOK_MS = 10000;
const DIRECTIONS = [
  ['up', 90, '↑', 'ArrowUp'],
  ['left', 180, '←', 'ArrowLeft'],
  ['right', 0, '→', 'ArrowRight'],
  ['down', 270, '↓', 'ArrowDown'],
];
const SPEEDS = [
  ['0.05', 'Slow'],
  ['0.3', 'Medium'],
  ['1', 'Fast'],
];
const VIEWS = [
  ['star', 'Stars'],
  ['moon', 'Moon'],
  ['sun', 'Sun'],
  ['planet', 'Planet'],
  ['scenery', 'Scenery'],
  ['none', 'Nothing'],
];

/**
 * Moves while something is held, and stops when it is let go, when the page is hidden or left. `send(op, params)` → Promise.
 */
export class Hold {
  constructor(send, fail) {
    this._send = send;
    this._fail = fail;
    this._timer = null;
    this.angle = null;
  }

  press(angle, speed) {
    if (this.angle === angle) return;
    clearTimeout(this._timer);
    this.angle = angle;
    this._go(speed);
  }

  async _go(speed) {
    const { angle } = this;
    try {
      await this._send('move', { angle_deg: angle, speed, duration_s: MOVE_S });
    } catch (error) {
      if (this.angle === angle) this.angle = null; // nothing moves: nothing to stop
      this._fail(error);
      return;
    }
    if (this.angle === angle) this._timer = setTimeout(() => this._go(speed), HOLD_MS);
  }

  async release() {
    if (this.angle === null) return;
    clearTimeout(this._timer);
    this.angle = null;
    try {
      await this._send('stop', {});
    } catch (error) {
      this._fail(error);
    }
  }
}

const select = (label, options, more = {}) =>
  h(
    'select',
    { class: 'input', 'aria-label': label, ...more },
    options.map(([value, name]) => h('option', { value }, name)),
  );
const number = (label, more) => h('input', { class: 'input num', type: 'number', 'aria-label': label, ...more });

export function mountMount(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const all = []; // what needs control
  let state = null;

  const show = (next) => {
    if (!next || scope.closed) return;
    state = next;
    draw();
  };
  const send = async (op, params = {}) => {
    const answer = await svc.commands.send(id, `${iface.name}.${op}`, params, { timeoutMs: 45000 });
    if (answer && Array.isArray(answer.doings)) show(answer);
    return answer;
  };
  const fail = (error) => svc.toast.error(error, 'Telescope');
  const button = (label, run, more = {}) => {
    const b = actionButton({ class: 'btn', ...more }, label, run, fail);
    all.push(b);
    return b;
  };

  // ---- what is ----
  const facts = h('dl', { class: 'facts' });
  const doings = h('ul', { class: 'doings', 'aria-label': 'What it does' });

  // ---- where to ----
  const target = h('input', { class: 'input', placeholder: 'M 42', maxlength: '128', autocomplete: 'off' });
  const ra = h('input', { class: 'input mono', placeholder: '5h 35m 17s', autocomplete: 'off', spellcheck: 'false' });
  const dec = h('input', { class: 'input mono', placeholder: '−5° 23′ 28″', autocomplete: 'off', spellcheck: 'false' });
  const centre = h('input', { type: 'checkbox', checked: true, id: uid('centre') });
  const wrong = h('p', { class: 'error-text', role: 'alert' });
  const place = () => {
    const [r, d] = [parseSky(ra.value, true), parseSky(dec.value, false)];
    text(
      wrong,
      Number.isNaN(r)
        ? 'The right ascension is 0 to 24 hours: 5h 35m 17s, 5:35:17, 5.588, or 83.82°.'
        : Number.isNaN(d)
          ? 'The declination is −90 to 90 degrees: −5° 23′ 28″, −5:23:28 or −5.391.'
          : '',
    );
    if (wrong.textContent) (Number.isNaN(r) ? ra : dec).focus();
    return wrong.textContent ? null : { ra_hours: r, dec_deg: d };
  };
  const goTo = h('button', { type: 'submit', class: 'btn primary' }, icon('target'), 'Go there');
  all.push(goTo);
  const form = h(
    'form',
    {
      class: 'stack',
      'aria-label': 'Go to',
      onsubmit: async (e) => {
        e.preventDefault();
        const where = place();
        if (!where || goTo.disabled || goTo.getAttribute('aria-busy') === 'true') return;
        goTo.setAttribute('aria-busy', 'true');
        try {
          const name = target.value.trim();
          await send('goto', { ...where, ...(name ? { target: name } : {}), centre: centre.checked });
          svc.announce?.(`Going to ${name || 'the place'}`);
        } catch (error) {
          fail(error);
        } finally {
          goTo.removeAttribute('aria-busy');
        }
      },
    },
    h(
      'div',
      { class: 'mount-fields' },
      field('Name', target),
      field('Right ascension', ra, 'hours, or with ° degrees; J2000'),
      field('Declination', dec, 'degrees; J2000'),
    ),
    wrong,
    h(
      'div',
      { class: 'row' },
      goTo,
      button('Tell it that it points there', async () => {
        const where = place();
        if (where) await send('sync', where);
      }),
      h('label', { class: 'row tight', for: centre.id }, centre, 'find it by the stars'),
    ),
  );

  // ---- by hand ----
  const speed = select('Speed', SPEEDS);
  speed.value = '0.3';
  const hold = new Hold(send, fail);
  const pad = h(
    'div',
    { class: 'mount-pad', role: 'group', 'aria-label': 'Move by hand' },
    DIRECTIONS.map(([name, angle, sign]) => {
      const b = h(
        'button',
        {
          type: 'button',
          class: `btn pad-${name}`,
          'aria-label': `Move ${name} while held`,
          title: `Move ${name} while held`,
          onpointerdown: (e) => {
            if (e.button !== 0) return;
            b.setPointerCapture?.(e.pointerId);
            hold.press(angle, Number(speed.value));
          },
          onpointerup: () => hold.release(),
          onpointercancel: () => hold.release(),
          onlostpointercapture: () => hold.release(),
          oncontextmenu: (e) => e.preventDefault(),
          onblur: () => hold.release(),
        },
        sign,
      );
      all.push(b);
      return b;
    }),
    button(
      [icon('stop'), 'Stop'],
      async () => {
        await hold.release();
        await send('stop');
      },
      { class: 'btn danger pad-stop', 'aria-label': 'Stop all movement' },
    ),
  );
  // arrows move from anywhere on the pad; Enter and Space hold the button that has the focus
  const angleOf = (e) => {
    const arrow = DIRECTIONS.find((d) => d[3] === e.key);
    if (arrow) return arrow[1];
    const own = DIRECTIONS.find((d) => e.target.classList?.contains(`pad-${d[0]}`));
    return own && (e.key === 'Enter' || e.key === ' ') ? own[1] : null;
  };
  pad.addEventListener('keydown', (e) => {
    const angle = angleOf(e);
    if (angle === null || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    if (!e.repeat && control.may) hold.press(angle, Number(speed.value));
  });
  pad.addEventListener('keyup', (e) => {
    if (angleOf(e) !== null) hold.release();
  });
  const letGo = () => hold.release();
  window.addEventListener('blur', letGo);
  document.addEventListener('visibilitychange', letGo);
  scope.add(() => {
    window.removeEventListener('blur', letGo);
    document.removeEventListener('visibilitychange', letGo);
    hold.release();
  });

  // ---- the picture ----
  const focusAt = number('focus', { min: '0', max: '100000', step: '1' });
  const live = number('live exposure, ms', { min: '1', max: '600000', step: 'any' });
  const stacked = number('stack exposure, ms', { min: '1', max: '600000', step: 'any' });
  const gain = number('gain', { min: '0', max: '600', step: '1' });
  const view = select('Look at', VIEWS);
  const setter = (input, run) =>
    button(
      'Set',
      async () => {
        if (input.value === '' || !input.checkValidity()) {
          input.reportValidity();
          return;
        }
        await run(Number(input.value));
        input.dataset.typed = '';
      },
      { 'aria-label': `Set ${input.getAttribute('aria-label')}` },
    );
  const line = (label, input, ...more) => {
    input.addEventListener('input', () => {
      input.dataset.typed = 'yes'; // what somebody types is not written over
    });
    return h(
      'div',
      { class: 'mount-line' },
      h('span', { class: 'label' }, label),
      input,
      h('span', { class: 'row tight' }, more),
    );
  };
  const nudge = (step) =>
    button(step > 0 ? `+${step}` : `−${-step}`, () => send('focus', { step }), {
      'aria-label': `${step > 0 ? '+' : '−'}${Math.abs(step)} steps of focus`,
    });
  const picture = h(
    'div',
    { class: 'stack' },
    h(
      'div',
      { class: 'mount-line' },
      h('span', { class: 'label' }, 'Look at'),
      view,
      h(
        'span',
        { class: 'row tight' },
        button('Begin', () => send('view', { mode: view.value }), { 'aria-label': 'Begin to look at it' }),
      ),
    ),
    line(
      'Focus',
      focusAt,
      setter(focusAt, (position) => send('focus', { position })),
      nudge(-10),
      nudge(10),
      button('Auto', () => send('focus', { auto: true }), { 'aria-label': 'Auto: focus by the stars' }),
    ),
    line(
      'Live exposure, ms',
      live,
      setter(live, (exposure_ms) => send('exposure', { exposure_ms, of: 'live' })),
    ),
    line(
      'Stack exposure, ms',
      stacked,
      setter(stacked, (exposure_ms) => send('exposure', { exposure_ms, of: 'stack' })),
    ),
    line(
      'Gain',
      gain,
      setter(gain, (n) => send('gain', { gain: n })),
    ),
    h(
      'div',
      { class: 'row' },
      button('Stack', () => send('stack', { on: true })),
      button('Stop stacking', () => send('stack', { on: false })),
      button('Follow the stars', () => send('track', { on: !state?.tracking }), { class: 'btn mount-track' }),
      button('Park', () => send('park'), { class: 'btn mount-park' }),
    ),
  );
  const track = picture.querySelector('.mount-track');

  root.append(
    h(
      'div',
      { class: 'body stack mount' },
      facts,
      h('div', { role: 'status' }, doings),
      form,
      h('div', { class: 'row' }, pad, h('div', { class: 'field' }, h('span', { class: 'label' }, 'Speed'), speed)),
      picture,
    ),
  );

  function fact(name, value) {
    return [h('dt', {}, name), h('dd', {}, value)];
  }
  const keep = (input, value) => {
    if (input.dataset.typed === 'yes' || document.activeElement === input) return;
    input.value = Number.isFinite(value) ? String(value) : '';
  };
  function draw() {
    const m = state;
    const away = apart(m.ra_hours, m.dec_deg, m.target?.ra_hours, m.target?.dec_deg);
    fill(
      facts,
      fact('Points at', `${formatSky(m.ra_hours, true)}, ${formatSky(m.dec_deg, false)}`),
      m.alt_deg === null ? [] : fact('Above the horizon', `${m.alt_deg.toFixed(1)}°, azimuth ${m.az_deg.toFixed(1)}°`),
      m.target?.name
        ? fact('Target', `${m.target.name}${Number.isFinite(away) ? `, ${away.toFixed(2)}° away` : ''}`)
        : [],
      fact('Arm', m.parked === null ? 'not known' : m.parked ? 'folded' : 'open'),
      fact('Follows the stars', m.tracking === null ? 'not known' : m.tracking ? 'yes' : 'no'),
      m.battery === null ? [] : fact('Battery', `${m.battery} %`),
      m.model ? fact('Telescope', `${m.model}${m.firmware ? `, firmware ${m.firmware}` : ''}`) : [],
    );
    fill(
      doings,
      doingWords(m).map((d) => h('li', {}, d.bad ? notice('bad', d.words) : h('span', { class: 'busy' }, d.words))),
    );
    keep(focusAt, m.focus?.position);
    keep(live, m.exposure?.live_ms);
    keep(stacked, m.exposure?.stack_ms);
    keep(gain, m.gain);
    text(track, m.tracking ? 'Do not follow the stars' : 'Follow the stars');
  }

  // ---- what comes ----
  scope.add(svc.store.watch((s) => s.mounts[key(id, iface.name)], show));
  async function look() {
    try {
      show(await svc.api.get(svc.api.iface(id, iface.name)));
    } catch (error) {
      if (!state && !scope.closed) fill(doings, h('li', {}, notice('warn', error.message)));
    }
  }
  look();
  scope.interval(() => {
    if (!document.hidden) look();
  }, LOOK_MS);
  scope.add(
    control.watch((may, why) => {
      for (const b of all) {
        b.disabled = !may;
        if (why || !may) b.title = why ?? '';
      }
      if (!may) hold.release();
    }),
  );
  return () => scope.close();
}
