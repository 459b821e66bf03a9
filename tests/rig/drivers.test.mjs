// The drivers usb, serial and v4l2 on a real kernel's devices, by tests/tools/drive.c, without the host around them.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { DRIVE_PORTS, Drive } from './drive.mjs';
import { gadgetTests } from './gadgets.mjs';
import { Rig, build, top, until } from './rig.mjs';
import { sensorTests } from './sensors.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const BY_ID = 'serial:///dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_RIG0001-if00-port0';

let rig, bus;
before(
  async () => {
    const tools = path.resolve(top, process.env.TESTBED_BUILD || 'build', 'tools');
    build({ programs: [path.join(tools, 'drive'), path.join(tools, 'gadget')] });
    rig = await Rig.boot({ cameras: 1, forward: DRIVE_PORTS });
    bus = await Drive.start(rig, ['--discover', 'usb']);
    await bus.wait('start of discovery', (line) => line.open);
  },
  { timeout: 300_000 },
);
after(() => rig?.stop());

const guestHas = async (file) => (await rig.sh(`[ -e ${file} ] && echo yes || echo no`)).trim() === 'yes';
const event = (type, port) => (line) => line.event === type && (!port || line.data.port === port);

// Every device of the tree by its port.
function flat(tree) {
  const devices = new Map();
  const walk = (device) => {
    devices.set(device.port, device);
    for (const port of device.ports ?? []) {
      if (port.device) walk(port.device);
    }
  };
  tree.buses.forEach(walk);
  return devices;
}

test('usb: the tree has speed, ids, drivers, device files and port power', async () => {
  const tree = await bus.run('tree');
  const devices = flat(tree);
  const { nodes, interfaces, ...ftdi } = devices.get('1-1.1');
  assert.deepEqual(
    { speed: ftdi.speed_mbps, vendor: ftdi.vendor_id, product: ftdi.product_id, serial: ftdi.serial },
    { speed: 12, vendor: '0403', product: '6001', serial: 'RIG0001' },
  );
  assert.deepEqual(nodes, ['/dev/ttyUSB0']);
  assert.equal(interfaces[0].driver, 'ftdi_sio');
  assert.equal(devices.get('1-1.2').interfaces[0].driver, 'usbhid');
  const hub = devices.get('1-1');
  assert.equal(hub.power_switching, 'per-port');
  assert.equal(devices.get('1-2').power_switching, 'none');
  assert.deepEqual(
    hub.ports.map((p) => [p.port, p.power, p.connected]),
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`1-1.${n}`, 'on', n <= 3]),
  );
});

test('usb: every switchable port is a resource that says why', async () => {
  await bus.wait('the last port', (line) => line.found === 'usbhub://1-1.8', { from: 0 });
  const offers = bus.lines.filter((line) => line.found);
  assert.deepEqual(
    offers.map((line) => line.found),
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `usbhub://1-1.${n}`),
  );
  assert.match(offers[1].label, /QEMU USB Keyboard/);
  assert.match(offers[1].why, /hub 1-1 reports power switching per port/);
});

test('usb: plug and unplug are told once each, in order, ten times', async () => {
  const from = bus.lines.length;
  for (let i = 0; i < 10; i++) {
    const at = bus.lines.length;
    await rig.plug(`tablet${i}`, 'usb-tablet', '1.5');
    const added = await bus.wait('usb.added', event('usb.added', '1-1.5'), { from: at });
    assert.equal(added.data.product, 'QEMU USB Tablet');
    await bus.wait('usb.bound', event('usb.bound', '1-1.5'), { from: added.index });
    await rig.unplug(`tablet${i}`);
    await bus.wait('usb.removed', event('usb.removed', '1-1.5'), { from: added.index });
  }
  const told = bus.lines
    .slice(from)
    .filter((line) => line.event && line.event !== 'usb.bound')
    .map((line) => line.event);
  assert.deepEqual(
    told,
    Array.from({ length: 20 }, (_, i) => (i % 2 ? 'usb.removed' : 'usb.added')),
  );
});

test('usb: a port is switched off and on; the device goes and comes; uhubctl reads the same', async () => {
  const from = bus.lines.length;
  const off = await bus.run('power 1-1.2 off');
  assert.deepEqual([off.ok, off.commanded, off.observed, off.connected], [true, 'off', 'off', false]);
  await bus.wait('usb.removed', event('usb.removed', '1-1.2'), { from });
  assert.match(await rig.sh('uhubctl -l 1-1 -p 2'), /Port 2: 0000 off/);
  assert.ok(await guestHas('/sys/bus/usb/devices/1-1.3'), 'the neighbour stays');
  const on = await bus.run('power 1-1.2 on');
  assert.deepEqual([on.ok, on.observed], [true, 'on']);
  await bus.wait('usb.added', event('usb.added', '1-1.2'), { from: off.index });
});

test('usb: what cannot be switched is refused with the reason, and nothing changes', async () => {
  const refused = [
    ['power 1-2.1 off', 501, /hub 1-2 says that it cannot switch power/],
    ['power 1-1 off', 501, /hub usb1 says that it cannot switch power/],
    ['power 1-1.9 off', 400, /hub 1-1 has the ports 1 to 8, not 9/],
    ['power 1-1.3.1 off', 400, /1-1\.3 is not a hub/],
    ['power 9-1 off', 404, /no USB hub at usb9/],
    ['power usb1 off', 400, /root hub/],
    ['power 1-1.02 off', 400, /is no USB port/],
    ['reset usb1', 400, /root hub/],
    ['reset 1-1.8', 404, /no USB device at 1-1\.8/],
  ];
  for (const [command, status, detail] of refused) {
    const answer = await bus.run(command);
    assert.equal(answer.ok, false, command);
    assert.equal(answer.error.status, status, command);
    assert.match(answer.error.detail, detail);
  }
  assert.ok(await guestHas('/sys/bus/usb/devices/1-1.3'));
});

test('usb: reset keeps the device on its port', async () => {
  const before = (await rig.sh('cat /sys/bus/usb/devices/1-1.3/devnum')).trim();
  assert.equal((await bus.run('reset 1-1.3')).ok, true);
  assert.equal((await rig.sh('cat /sys/bus/usb/devices/1-1.3/devnum')).trim(), before);
  assert.match(await rig.sh('dmesg | tail -3'), /1-1\.3: reset full-speed USB device/);
});

test('usb: the two halves of a USB 3 port are switched together', async () => {
  await rig.sh('modprobe dummy_hcd is_super_speed=1');
  await until('super-speed half', () => guestHas('/sys/bus/usb/devices/usb4/4-0:1.0/usb4-port1/disable'));
  const off = await bus.run('power 3-1 off');
  assert.deepEqual([off.ok, off.observed, off.peer], [true, 'off', '4-1']);
  const seen = async () => (await rig.sh('uhubctl -e -l 3; uhubctl -e -l 4')).match(/Port 1: .*/g);
  assert.deepEqual(
    (await seen()).map((line) => /power/.test(line)),
    [false, false],
  );
  const on = await bus.run('power 4-1 on'); // by its other name
  assert.deepEqual([on.ok, on.observed, on.peer], [true, 'on', '3-1']);
  assert.deepEqual(
    (await seen()).map((line) => /power/.test(line)),
    [true, true],
  );
});

test('usbhub:// tells when somebody else switches the port, and when its hub is gone', async () => {
  const port = await Drive.start(rig, ['usbhub://1-1.2']);
  await port.wait('open', (line) => line.open);
  assert.equal((await port.run('get')).power, 'on');
  let from = port.lines.length;
  await rig.sh('uhubctl -l 1-1 -p 2 -a off');
  await port.wait('power off', (line) => line.power === 'off', { from });
  from = port.lines.length;
  await rig.sh('uhubctl -l 1-1 -p 2 -a on');
  await port.wait('power on', (line) => line.power === 'on', { from });
  port.close();
  const none = await Drive.start(rig, ['usbhub://1-7.1']);
  const absent = await none.wait('refusal', (line) => line.open === false);
  assert.equal(absent.error.status, 410);
  assert.match(absent.error.detail, /no USB hub at 1-7/);
  none.close();
});

let line;
test('serial: the FTDI line is found by its udev name and opened as asked', async () => {
  const find = await Drive.start(rig, ['--discover', 'serial']);
  await find.wait('start', (l) => l.open);
  const offer = await find.wait('the line', (l) => l.found === BY_ID, { from: 0 });
  assert.equal(offer.properties.usb_port, '1-1.1');
  assert.match(offer.why, /udev names it by its maker, product and serial number/);
  find.close();
  line = await Drive.start(rig, [`${BY_ID}?baud=57600`]);
  await line.wait('open', (l) => l.open);
  const now = await line.run('get');
  assert.deepEqual([now.baud, now.data_bits, now.dtr, now.rts, now.cts], [57600, 8, 1, 1, 1]);
});

test('serial: 64 KB pasted and 1 MB printed arrive byte by byte, at the same time too', async () => {
  const far = await rig.serial('ftdi1');
  const parts = [];
  let bytes = 0;
  far.on('data', (part) => {
    parts.push(part);
    bytes += part.length;
  });
  const printed = randomBytes(1 << 20);
  far.write(printed);
  const paste = await line.run('paste 65536', { timeout: 60_000 });
  assert.equal(paste.ok, true);
  await until('pasted bytes at the far end', () => bytes >= 65536, 60_000);
  assert.equal(sha256(Buffer.concat(parts)), paste.sha256);
  const all = await until(
    'printed bytes',
    async () => {
      const now = await line.run('count');
      return now.bytes >= printed.length && now;
    },
    120_000,
  );
  assert.equal(all.bytes, printed.length);
  assert.equal(all.sha256, sha256(printed));
  far.destroy();
});

test('serial: settings are read back; what the adapter cannot do is refused and nothing changes', async () => {
  const set = await line.run('set baud=9600 data_bits=7 parity=2 stop_bits=2');
  assert.deepEqual([set.ok, set.baud, set.data_bits, set.parity, set.stop_bits], [true, 9600, 7, 2, 2]);
  assert.equal((await line.run('set flow=1')).flow, 1);
  assert.match(await rig.sh('stty -F /dev/ttyUSB0 -a 2>/dev/null || true'), /[^-]crtscts/);
  assert.equal((await line.run('set flow=2')).flow, 2);
  assert.equal((await line.run('set flow=0 dtr=0 rts=0')).ok, true);
  const lines = await line.run('get');
  assert.deepEqual([lines.flow, lines.dtr, lines.rts], [0, 0, 0]);
  const fast = await line.run('set baud=11999999');
  assert.deepEqual([fast.ok, fast.error.status, fast.error.field], [false, 501, 'baud']);
  const wrong = await line.run('set baud=12000001');
  assert.deepEqual([wrong.ok, wrong.error.status, wrong.error.field], [false, 400, 'baud']);
  assert.equal((await line.run('get')).baud, 9600);
  const start = Date.now();
  assert.equal((await line.run('break 250')).ok, true);
  assert.ok(Date.now() - start >= 250);
});

test('serial: pulled in the middle and plugged again, it is the same line with the same settings', async () => {
  let from = line.lines.length;
  await rig.unplug('ftdi1');
  const lost = await line.wait('loss', (l) => l.open === false, { from });
  assert.equal(lost.error.status, 410);
  assert.match(lost.error.detail, /the adapter was unplugged/);
  from = line.lines.length;
  await rig.plugFtdi('ftdi1', '1.1', 'RIG0001');
  await line.wait('return', (l) => l.open === true, { from, timeout: 30_000 });
  assert.equal((await line.run('get')).baud, 9600);
  const far = await rig.serial('ftdi1');
  let got = '';
  far.setEncoding('utf8');
  far.on('data', (text) => {
    got += text;
  });
  await line.run('set data_bits=8 parity=0 stop_bits=1');
  assert.equal((await line.run('write back again')).ok, true);
  await until('bytes after the return', () => got === 'back again');
  far.destroy();
});

test('serial: a second owner is refused; the line has a name by its USB port too', async () => {
  const second = await Drive.start(rig, ['serial://1-1.1']);
  const busy = await second.wait('refusal', (l) => l.open === false);
  assert.equal(busy.error.status, 409);
  line.close();
  await second.wait('open when the first has let go', (l) => l.open === true);
  second.close();
});

test("serial: a line under another name than the kernel's, as in a container, is refused with the right one", async () => {
  await rig.sh('mknod /tmp/board c $(tr : " " </sys/class/tty/ttyUSB0/dev)');
  const board = await Drive.start(rig, ['serial:///tmp/board']);
  const { error } = await board.wait('refusal', (l) => l.open === false);
  assert.equal(error.status, 400);
  assert.match(error.detail, /\/tmp\/board is the line ttyUSB0 under another name: give it as \/dev\/ttyUSB0/);
  board.close();
});

test('v4l2: vivid gives frames of the right size in every raw format', async () => {
  for (const [format, fourcc, bytes] of [
    ['nv12', 'NV12', 1.5],
    ['i420', 'YU12', 1.5],
    ['bgrx', 'XR24', 4],
  ]) {
    const camera = await Drive.start(rig, [`v4l2:///dev/video0?width=320&height=180&format=${format}`]);
    await camera.wait('open', (l) => l.open);
    assert.equal((await camera.run('start 30')).ok, true, format);
    assert.equal((await camera.wait('mode', event('video.mode'))).data.format, fourcc);
    assert.equal((await camera.wait('first frame', (l) => l.width)).size, 320 * 180 * bytes, format);
    camera.close();
    await until(
      `end of the ${format} drive`,
      async () => (await rig.sh('pidof drive || true')).trim().split(/\s+/).length <= 1,
    );
  }
});

test('v4l2: streams for its viewers only; a camera that goes comes back', async () => {
  const camera = await Drive.start(rig, ['v4l2:///dev/video0?width=640&height=360&format=yuyv']);
  await camera.wait('open', (l) => l.open);
  assert.equal((await camera.run('count')).frames, 0);
  assert.equal((await camera.run('start 30')).ok, true);
  const mode = await camera.wait('mode', event('video.mode'));
  assert.deepEqual([mode.data.width, mode.data.height, mode.data.format], [640, 360, 'YUYV']);
  const first = await camera.wait('first frame', (l) => l.width);
  assert.deepEqual([first.width, first.height, first.size], [640, 360, 640 * 360 * 2]);
  await until('20 frames', async () => (await camera.run('count')).frames >= 20);
  assert.equal((await camera.run('stop')).ok, true);

  assert.equal((await camera.run('start 30')).ok, true);
  let from = camera.lines.length;
  await rig.sh('echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind');
  const lost = await camera.wait('loss', (l) => l.open === false, { from });
  assert.equal(lost.error.status, 410);
  from = camera.lines.length;
  await rig.sh('echo vivid.0 >/sys/bus/platform/drivers/vivid/bind');
  await camera.wait('return', (l) => l.open === true, { from });
  const before = (await camera.run('count')).frames;
  assert.equal((await camera.run('start 30')).ok, true);
  await until('frames after the return', async () => (await camera.run('count')).frames > before);
  camera.close();
});

sensorTests(() => rig);
gadgetTests(() => rig);
