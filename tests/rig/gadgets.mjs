// USB devices that are real to the guest's kernel, by tests/tools/gadget.c behind dummy_hcd: a relay board, an
// instrument. A part of drivers.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Drive } from './drive.mjs';
import { until } from './rig.mjs';

// One of tests/tools/gadget.c, plugged in at `port` until pull(). state(): what it says of itself; fault(name, on).
async function plug(rig, name, { vendor, product, maker, model, serial = '' }) {
  const at = `/sys/kernel/config/usb_gadget/${name}`,
    folder = `/run/gadget-${name}`;
  await rig.sh(`modprobe dummy_hcd; modprobe usb_f_fs
    grep -q configfs /proc/mounts || mount -t configfs none /sys/kernel/config
    mkdir -p ${at}/strings/0x409 ${at}/configs/c.1 ${at}/functions/ffs.${name} ${folder} ${folder}.fs
    cd ${at}; echo ${vendor} >idVendor; echo ${product} >idProduct; echo high-speed >max_speed
    echo ${maker} >strings/0x409/manufacturer; echo ${model} >strings/0x409/product
    [ -z '${serial}' ] || echo ${serial} >strings/0x409/serialnumber
    [ -e configs/c.1/ffs.${name} ] || ln -s ${at}/functions/ffs.${name} configs/c.1
    mount -t functionfs ${name} ${folder}.fs
    gadget ${name} ${folder}.fs ${folder} >${folder}/log 2>&1 &
    for i in $(seq 100); do grep -q ready ${folder}/log && break; sleep 0.05; done
    ls /sys/class/udc | head -1 >UDC`);
  const port = await until('the device', async () =>
    (await rig.sh(`grep -l '^${model}$' /sys/bus/usb/devices/*/product | sed 's#.*/\\([^/]*\\)/product#\\1#'`)).trim(),
  );
  return {
    port,
    state: async () => (await rig.sh(`cat ${folder}/state`)).trim(),
    fault: (fault, on) => rig.sh(`${on ? 'touch' : 'rm -f'} ${folder}/${fault}`),
    pull: () => rig.sh(`echo >${at}/UDC`),
    back: () => rig.sh(`ls /sys/class/udc | head -1 >${at}/UDC`),
    end: () => rig.sh(`echo >${at}/UDC; umount -l ${folder}.fs; rm ${at}/configs/c.1/ffs.${name}`),
  };
}

const opens = (drive, from = 0) => drive.wait('open', (l) => l.open === true, { from });

// `lab()`: the Rig, booted.
export function gadgetTests(lab) {
  test('usbrelay: a board is found by its number, switched, read back; stuck, replaced, pulled, back', async () => {
    const rig = lab();
    const find = await Drive.start(rig, ['--discover', 'usbrelay']);
    await find.wait('start', (l) => l.open);
    const board = await plug(rig, 'relay', {
      vendor: '0x16c0',
      product: '0x05df',
      maker: 'www.dcttech.com',
      model: 'USBRelay4',
    });
    const offer = await find.wait('the last relay', (l) => l.found === 'usbrelay://RIG01?relay=4', { from: 0 });
    assert.match(offer.why, /a relay board at USB port \S+ with 4 relays; found again by its own number/);

    const relay = await Drive.start(rig, ['usbrelay://RIG01?relay=2&poll_ms=1000']);
    await opens(relay);
    assert.equal((await relay.run('get')).power, 'off');
    assert.equal((await relay.run('on')).power, 'on');
    assert.equal(await board.state(), '0b00000010');
    // Debian's usbrelay, which is not ours and goes by hidraw, sees the same board beside us, and switches it.
    assert.match(await rig.sh('usbrelay 2>/dev/null'), /RIG01_1=0\nRIG01_2=1\nRIG01_3=0\nRIG01_4=0/);
    await rig.sh('usbrelay RIG01_3=1 >/dev/null 2>&1; usbrelay RIG01_3=0 >/dev/null 2>&1');
    assert.equal(await board.state(), '0b00000010');
    await board.fault('stuck', true); // takes it, and does not switch
    assert.equal((await relay.run('off')).power, 'on');
    await board.fault('stuck', false);
    assert.ok(await rig.sh('ls /dev/hidraw0'), "the kernel's driver keeps the board");

    await board.fault('other', true);
    assert.match(
      (await relay.run('off')).error.detail,
      /another relay board is at USB port .* \(RIG02, it was RIG01\)/,
    );
    assert.equal(await board.state(), '0b00000010', 'it is left alone');
    await board.fault('other', false);
    await board.fault('deaf', true);
    assert.match((await relay.run('off')).error.detail, /refuses the request/);
    await board.fault('deaf', false);
    const from = relay.lines.length;
    await board.pull();
    await find.wait('the loss', (l) => l.lost === 'usbrelay://RIG01?relay=4');
    assert.equal((await relay.wait('loss', (l) => l.open === false, { from })).error.status, 410);
    await board.back();
    await opens(relay, from);
    assert.equal((await relay.run('off')).power, 'off');
    relay.close();
    find.close();
    await board.end();
  });

  test("scpi: an instrument on USB is taken from the kernel's driver, asked, read, switched; pulled in a query", async () => {
    const rig = lab();
    await rig.sh('modprobe usbtmc');
    const find = await Drive.start(rig, ['--discover', 'scpi']);
    await find.wait('start', (l) => l.open);
    const supply = await plug(rig, 'tmc', {
      vendor: '0x0957',
      product: '0x1796',
      maker: 'Testbed',
      model: 'TMC-1',
      serial: 'RIG0002',
    });
    const uri = 'scpi://?usb=0957:1796,serial=RIG0002';
    const offer = await find.wait('the instrument', (l) => l.found === uri, { from: 0 });
    assert.deepEqual([offer.label, offer.properties.kind], ['Instrument Testbed TMC-1', 'instrument']);
    assert.ok(await rig.sh('ls /dev/usbtmc0'), 'the kernel has it until then');

    const streams = encodeURIComponent(JSON.stringify([{ stream: 'rail', query: 'VOLT?', unit: 'V' }]));
    const psu = await Drive.start(rig, [`${uri}&timeout_ms=1000&output=OUTP&streams=${streams}`]);
    await opens(psu);
    const ask = async (message) => psu.run(`query ${message}`);
    assert.equal((await ask('*IDN?')).reply, 'TESTBED RIG,TMC-1,RIG0002,1.0');
    assert.equal((await ask('VOLT 12.5')).ok, true);
    assert.equal((await ask('VOLT?')).reply, '+1.2500E+01');
    assert.equal((await ask('HCOP:DATA?')).reply, 'x'.repeat(2541)); // ends with a full packet
    assert.match((await ask('VOLTS 1')).error.detail, /refused "VOLTS 1": Undefined header \(-113\)/);
    assert.equal((await psu.run('on')).power, 'on');
    assert.equal(await supply.state(), '12.5 on');
    await supply.fault('stuck', true);
    assert.equal((await psu.run('off')).power, 'on');
    await supply.fault('stuck', false);
    assert.equal((await psu.run('sample')).ok, true);
    assert.equal((await psu.wait('a reading', (l) => l.sample === 'rail', { from: 0 })).value, 12.5);

    // An answer that does not come: aborted, cleared, opened anew, and the next one is its own.
    let from = psu.lines.length;
    await supply.fault('mute', true);
    const silent = await ask('VOLT?');
    assert.equal(silent.error.status, 504);
    assert.match(silent.error.detail, /no answer to "VOLT\?" in time \(status byte 0x10, an answer waits\)/);
    await supply.fault('mute', false);
    await opens(psu, from);
    assert.equal((await ask('OUTP?')).reply, '1');

    from = psu.lines.length;
    await supply.fault('mute', true);
    const pulled = ask('VOLT?'); // waits for its answer when it is pulled
    await supply.pull();
    assert.equal((await pulled).error.status, 410);
    await psu.wait('loss', (l) => l.open === false, { from });
    await find.wait('what is gone', (l) => l.lost === uri);
    await supply.fault('mute', false);
    await supply.back();
    await opens(psu, from);
    assert.equal((await ask('VOLT?')).reply, '+1.2500E+01');
    psu.close();
    find.close();
    await until('the kernel has it again', () => rig.sh('ls /dev/usbtmc0'));
    // A driver that is not ours takes it for an instrument, too.
    assert.match(
      await rig.sh("exec 3<>/dev/usbtmc0; echo '*IDN?' >&3; timeout 5 head -n 1 <&3"),
      /^TESTBED RIG,TMC-1,RIG0002,1\.0/,
    );
    await supply.end();
  });
}
