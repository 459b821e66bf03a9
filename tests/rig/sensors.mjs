// Sensors of a real kernel: its lm75 and ad7291 drivers on the registers of its i2c-stub. A part of drivers.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Drive } from './drive.mjs';
import { until } from './rig.mjs';

// The stub's bus with chips at these addresses; set(address, register, word), plug(name, address), pull(address).
async function stub(rig, addresses) {
  const bus = (
    await rig.sh(`modprobe i2c-dev; modprobe i2c-stub chip_addr=${addresses.join(',')}
      grep -l 'SMBus stub' /sys/bus/i2c/devices/i2c-*/name | sed 's/.*i2c-\\([0-9]*\\).*/\\1/'`)
  ).trim();
  const at = `/sys/bus/i2c/devices/i2c-${bus}`;
  return {
    bus,
    set: (address, register, word) => rig.sh(`i2cset -f -y ${bus} ${address} ${register} ${word} w`),
    plug: (name, address) => rig.sh(`modprobe ${name}; echo ${name} ${address} >${at}/new_device`),
    pull: (address) => rig.sh(`echo ${address} >${at}/delete_device`),
  };
}

const told = (stream) => (line) => line.sample === stream;

// `lab()`: the Rig, booted.
export function sensorTests(lab) {
  let i2c;
  test("hwmon: the kernel's lm75 is found, measured, pulled, and found again", async () => {
    const rig = lab();
    const find = await Drive.start(rig, ['--discover', 'hwmon']);
    await find.wait('start', (l) => l.open);
    i2c = await stub(rig, ['0x48', '0x20']);
    await i2c.set('0x48', '0x00', '0x8019'); // 25.5 degrees, its high byte first
    await i2c.plug('lm75', '0x48');
    const uri = `hwmon://lm75?device=${i2c.bus}-0048`;
    const offer = await find.wait('the chip', (l) => l.found === uri, { from: 0 });
    assert.match(offer.why, /the kernel measures 1 value there/);
    assert.deepEqual(offer.properties, { kind: 'sensors', streams: 1, name: 'lm75', device: `${i2c.bus}-0048` });

    const chip = await Drive.start(rig, [uri]);
    await chip.wait('open', (l) => l.open);
    assert.equal((await chip.run('sample')).ok, true);
    assert.equal((await chip.wait('a reading', told('temperature.1'), { from: 0 })).value, 25.5);
    await i2c.set('0x48', '0x00', '0x00f6'); // -10; the chip's driver keeps a reading for a while
    await until('the change', async () => {
      await chip.run('sample');
      return chip.lines.some((l) => l.value === -10);
    });
    const from = chip.lines.length;
    await i2c.pull('0x48');
    await find.wait('the loss', (l) => l.lost === uri);
    assert.equal((await chip.run('sample')).error.status, 410);
    await chip.wait('loss', (l) => l.open === false, { from });
    await i2c.plug('lm75', '0x48');
    await chip.wait('return', (l) => l.open === true, { from });
    chip.close();
    find.close();
  });

  test("iio: the kernel's ad7291 is found, measured, pulled, and found again", async () => {
    const rig = lab();
    const find = await Drive.start(rig, ['--discover', 'iio']);
    await find.wait('start', (l) => l.open);
    await i2c.plug('ad7291', '0x20');
    await i2c.set('0x20', '0x01', '0x0008'); // 2048 of 4096 steps of 2.5 V
    await i2c.set('0x20', '0x02', '0x5600'); // 86 quarters of a degree
    const uri = `iio://ad7291?device=${i2c.bus}-0020`;
    const offer = await find.wait('the converter', (l) => l.found === uri, { from: 0 });
    assert.match(offer.why, /the kernel measures 9 values there; found again of the device \S+-0020/);

    const adc = await Drive.start(rig, [uri]);
    await adc.wait('open', (l) => l.open);
    assert.equal((await adc.run('sample')).ok, true);
    const { value } = await adc.wait('a voltage', told('voltage.7'), { from: 0 });
    assert.ok(Math.abs(value - 1.25) < 1e-6, `${value} V`);
    assert.equal((await adc.wait('its temperature', told('temperature.0'), { from: 0 })).value, 21.5);
    const from = adc.lines.length;
    await i2c.pull('0x20');
    await find.wait('what is gone', (l) => l.lost === uri);
    assert.equal((await adc.run('sample')).error.status, 410);
    await adc.wait('loss', (l) => l.open === false, { from });
    await i2c.plug('ad7291', '0x20');
    await adc.wait('return', (l) => l.open === true, { from });
    adc.close();
    find.close();
  });
}
