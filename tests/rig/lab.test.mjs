// The lab itself, without testbed-host: what the other tests build on is as a real machine would show it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Rig, build, until } from './rig.mjs';

let rig;
before(
  async () => {
    build();
    rig = await Rig.boot({ cameras: 1 });
  },
  { timeout: 300_000 },
);
after(() => rig?.stop());

const exists = async (path) => (await rig.sh(`[ -e ${path} ] && echo yes || echo no`)).trim() === 'yes';

test('the tree holds hubs, an FTDI adapter with its udev names, HID and a camera', async () => {
  assert.equal((await rig.sh('cat /sys/bus/usb/devices/1-1.1/serial')).trim(), 'RIG0001');
  assert.equal((await rig.sh('basename $(readlink /sys/bus/usb/devices/1-1.1:1.0/driver)')).trim(), 'ftdi_sio');
  assert.ok(await exists('/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_RIG0001-if00-port0'));
  assert.ok(await exists('/dev/input/event0'));
  assert.equal((await rig.sh('cat /sys/class/video4linux/video0/name')).trim(), 'vivid-000-vid-cap');
});

test("uhubctl switches one port of the first hub and finds the second hub's power not switchable", async () => {
  const hubs = await rig.sh('uhubctl');
  assert.match(hubs, /hub 1-1 .*ppps/);
  assert.doesNotMatch(hubs, /hub 1-2 /);
  await rig.sh('uhubctl -l 1-1 -p 2 -a off');
  await until('absence of the keyboard', async () => !(await exists('/sys/bus/usb/devices/1-1.2')));
  assert.ok(await exists('/sys/bus/usb/devices/1-1.3'), 'the neighbour stays');
  await rig.sh('uhubctl -l 1-1 -p 2 -a on');
  await until('keyboard', () => exists('/sys/bus/usb/devices/1-1.2'));
});

test('QMP plugs and pulls a device', async () => {
  await rig.plug('tablet', 'usb-tablet', '1.5');
  await until('tablet', () => exists('/sys/bus/usb/devices/1-1.5'));
  await rig.unplug('tablet');
  await until('absence of the tablet', async () => !(await exists('/sys/bus/usb/devices/1-1.5')));
});

test('64 KB go through the FTDI line and come back byte by byte', async () => {
  await rig.sh(
    'stty -F /dev/ttyUSB0 raw -echo 115200; (cat </dev/ttyUSB0 >/dev/ttyUSB0 2>/dev/null) >/dev/null 2>&1 &',
  );
  const line = await rig.serial('ftdi1');
  const sent = randomBytes(65536);
  const got = await new Promise((resolve, reject) => {
    const parts = [];
    let bytes = 0;
    const timer = setTimeout(() => reject(new Error(`${bytes} bytes came back`)), 60_000);
    line.on('data', (part) => {
      parts.push(part);
      bytes += part.length;
      if (bytes >= sent.length) {
        clearTimeout(timer);
        resolve(Buffer.concat(parts));
      }
    });
    line.write(sent);
  });
  line.destroy();
  assert.ok(got.equals(sent));
});
