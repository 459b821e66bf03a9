// Attach URIs as a form has them, and what a device is attached by.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attachOf, connectionsOf, isHidden, partsOf, uriOf } from '../core/attach.js';

const DRIVERS = [
  { name: 'serial', kinds: ['console'] },
  { name: 'qemu', kinds: ['power', 'console'] },
];

for (const uri of [
  'serial:///dev/serial/by-id/usb-FTDI?baud=115200',
  'shelly://10.0.0.7?output=0&password=a%20b%26c',
  'exec://?power_on=["relay","3","on"]',
  'x11://:1',
  'vnc://lab-pc:5900',
])
  test(`there and back: ${uri}`, () => assert.equal(uriOf(partsOf(uri)), uri));

test('what is no URI yet is a place without a driver; a value that is empty is left out', () => {
  assert.deepEqual(partsOf('/dev/ttyUSB0'), { driver: '', place: '/dev/ttyUSB0', params: new Map() });
  assert.equal(uriOf({ driver: 'serial', place: '/dev/x', params: new Map([['baud', '']]) }), 'serial:///dev/x');
  assert.equal(partsOf('serial://x?a=%zz').params.get('a'), '%zz');
  assert.ok(isHidden('vnc://a?password=***'));
});

test('several connections: a list, and a map where something has a name of its own', () => {
  const a = { uri: 'serial:///dev/a' };
  const q = { uri: 'qemu://x' };
  assert.deepEqual(attachOf([a, q], DRIVERS), ['serial:///dev/a', 'qemu://x']);
  assert.deepEqual(attachOf([{ ...a, names: { console: 'uart1' } }, q], DRIVERS), {
    uart1: 'serial:///dev/a',
    power: 'qemu://x',
    console: 'qemu://x',
  });
  assert.deepEqual(attachOf([{ ...q, names: { power: 'power', console: 'monitor' } }], DRIVERS), {
    power: 'qemu://x',
    monitor: { uri: 'qemu://x', kind: 'console' },
  });
  const device = {
    interfaces: [
      { name: 'power', kind: 'power', uri: 'qemu://x' },
      { name: 'monitor', kind: 'console', uri: 'qemu://x' },
      { name: 'uart1', kind: 'console', uri: 'serial:///dev/a' },
    ],
  };
  assert.deepEqual(connectionsOf(device), [
    { uri: 'qemu://x', names: { power: 'power', console: 'monitor' } },
    { uri: 'serial:///dev/a', names: { console: 'uart1' } },
  ]);
});
