// What the power benchmark switches: ten backends with COUNT outlets each. snmpd, mosquitto and pymodbus are the real
// ones; the others are the simulated plugs of tests/sim/plugs/.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, freePort, run, until } from './lib.mjs';

export const COUNT = 20;
export const APC = '.1.3.6.1.4.1.318.1.1.4.4.2.1.3';

const said = (what, process, pattern) =>
  until(what, () => {
    const m = pattern.exec(process.text);
    if (!m && process.exitCode !== null) throw new Error(`${what} ended:\n${process.text}`);
    return m;
  });

async function simulator(name, ...options) {
  const process = run(['node', `tests/sim/${name}-sim.mjs`, '--outputs', String(COUNT), ...options]);
  return (await said(name, process, /listening (\d+)/))[1];
}

async function snmpd(dir) {
  const port = await freePort();
  const conf = join(dir, 'snmpd.conf');
  writeFileSync(
    conf,
    `agentaddress udp:127.0.0.1:${port}\nrocommunity public\nrwcommunity private\n` +
      `pass_persist ${APC} ${['/usr/bin/python3', 'tests/sim/pdu/outlets_persist.py', APC, COUNT].join(' ')}\n`,
  );
  const agent = run(['snmpd', '-f', '-Le', '-C', '-c', conf], { env: { SNMP_PERSISTENT_DIR: dir } });
  await said('snmpd', agent, /NET-SNMP version/);
  return port;
}

async function mosquitto(dir) {
  const port = await freePort();
  const conf = join(dir, 'mosquitto.conf');
  writeFileSync(conf, `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`);
  await said('mosquitto', run(['mosquitto', '-c', conf]), / running/);
  return port;
}

async function modbus() {
  const port = await freePort();
  await said('pymodbus', run(['/usr/bin/python3', 'tests/sim/modbus/server.py', 'tcp', String(port)]), /ready/);
  return port;
}

/** {uris: backend -> n -> attach, ports}: the outlets of each, n counted from 0. An MQTT outlet is its own topic: what
 * is commanded is what is told. */
export async function counterparts() {
  const dir = folder('power');
  const plug = (kind) => simulator('plugs/plugs', '--kind', kind);
  const [shelly, kasa, tapo, tasmota, netio, ha, redfish, snmp, mqtt, coils] = await Promise.all([
    simulator('shelly/shelly', '--gen', '2'),
    simulator('plugs/kasa'),
    simulator('plugs/tapo'),
    plug('tasmota'),
    plug('netio'),
    plug('homeassistant'),
    plug('redfish'),
    snmpd(dir),
    mosquitto(dir),
    modbus(),
  ]);
  const json = '/netio.json';
  const body = (action) => `{"Outputs":[{"ID":{number},"Action":${action}}]}`;
  return {
    ports: { snmp, mqtt, kasa, tasmota },
    uris: {
      shelly: (n) => `shelly://127.0.0.1:${shelly}?output=${n}`,
      kasa: (n) => `kasa://127.0.0.1:${kasa}?output=${n}`,
      tapo: (n) => `tapo://127.0.0.1:${tapo}?output=${n}&user=user%40example.com&password=secret`,
      tasmota: (n) => `tasmota://127.0.0.1:${tasmota}?output=${n}&password=secret`,
      netio: (n) => ({
        uri: `http://127.0.0.1:${netio}`,
        ...{ output: n, user: 'admin', password: 'secret', on: json, off: json, state: json },
        ...{ on_body: body(1), off_body: body(0), pointer: '/Outputs/*/State', watts: '/Outputs/*/Load' },
      }),
      homeassistant: (n) => `homeassistant://127.0.0.1:${ha}?entity=switch.desk${n ? `_${n + 1}` : ''}&token=secret`,
      redfish: (n) => `redfish://127.0.0.1:${redfish}?user=lab&password=secret&tls=off&system=${n + 1}`,
      snmp: (n) => `snmp://127.0.0.1:${snmp}?model=apc&outlet=${n + 1}&version=2c&community=private`,
      mqtt: (n) => `mqtt://127.0.0.1:${mqtt}?set_topic=lab/${n}&state_topic=lab/${n}&on=on&off=off`,
      modbus: (n) => `modbus://127.0.0.1:${coils}?slave=1&coil=${10 + n}`,
    },
  };
}
