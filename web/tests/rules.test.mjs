// Rules in words, and what a form makes of them and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formOf, isSo, ruleOf, stateOf, thenWords, whenWords } from '../core/rules.js';

const RULES = [
  [
    {
      when: { stream: 'video.motion', above: 0.02, samples: 2 },
      then: [{ verb: 'recording.clip', params: { pre_s: 10 } }],
    },
    'video.motion is above 0.02, 2 times in a row',
    'recording.clip',
  ],
  [
    { when: { stream: 'v', outside: [1, 2], for_s: 3, hysteresis: 0.5, repeat: true }, then: [{ notify: 'look' }] },
    'v is outside 1 to 2, for 3 s',
    'say “look”',
  ],
  [
    { when: { console: 'panic', interface: 'uart1' }, then: [{ verb: 'power.cycle', device: 'psu' }, { notify: 'x' }] },
    'the console of uart1 prints panic',
    'power.cycle of psu, then say “x”',
  ],
  [
    {
      when: { event: 'power.state', where: { observed: 'off', ok: true }, differ: ['a', 'b'] },
      then: [{ notify: 'x' }],
    },
    'power.state: observed off, ok true, a is not b',
    'say “x”',
  ],
  [
    {
      when: { missing: 'console', for_s: 60 },
      while: { power: 'on' },
      then: [{ webhook: 'https://chat.example/a', secret: '***' }],
    },
    'nothing of the console for 60 s',
    'tell chat.example',
  ],
  [{ when: { at: '03:00' }, active: '22:00-06:00', then: [{ notify: 'x' }] }, 'each day at 03:00', 'say “x”'],
  [{ when: { every_s: 60 }, then: [{ notify: 'x' }], note: 'why' }, 'every 60 s', 'say “x”'],
];

test('words, and a form that gives back what it was given', () => {
  for (const [part, when, then] of RULES) {
    const rule = {
      name: 'r',
      device: 'board',
      cooldown_s: 30,
      per_hour: 60,
      lease: 'respect',
      dry_run: false,
      enabled: true,
      ...part,
    };
    assert.equal(whenWords(rule), when);
    assert.equal(thenWords(rule), then);
    assert.deepEqual(ruleOf(formOf(rule)), rule);
  }
});

test('parameters that are no JSON are said in words', () => {
  const form = formOf(RULES[0][0]);
  form.then[0].params = '{pre_s';
  assert.throws(() => ruleOf(form), /Action 1: the parameters are no JSON/);
});

test('how a rule is, and whether a value is so', () => {
  const rule = { enabled: true, when: { stream: 'a', outside: [1, 2] }, state: {} };
  assert.deepEqual(
    [0, 1, 2, 3, NaN].map((v) => isSo(rule, v)),
    [true, false, false, true, false],
  );
  assert.equal(isSo({ when: { console: 'x' } }, 3), false);
  assert.equal(stateOf(rule).label, 'Watching');
  assert.equal(stateOf({ ...rule, enabled: false }).label, 'Off');
  assert.equal(stateOf({ ...rule, dry_run: true }).label, 'Dry run');
  assert.equal(stateOf({ ...rule, state: { trouble: 'no console' } }).words, 'no console');
  assert.match(stateOf({ ...rule, state: { cool_until: 5000 } }, 1000).words, /in 4 s/);
});
