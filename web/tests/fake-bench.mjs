// What the fake host has: devices, readings, a USB tree, a piece of OpenAPI.

export function bench() {
  const i = (name, driver, uri, kind = name, state = 'ready', reason) => ({
    name,
    kind,
    driver,
    uri,
    state,
    ...(reason ? { reason } : {}),
  });
  return {
    board: {
      id: 'board',
      label: 'U-Boot in QEMU',
      state: 'ready',
      lease: null,
      interfaces: [
        i('power', 'qemu', 'qemu://x86'),
        i('console', 'qemu', 'qemu://x86'),
        i('video', 'qemu', 'qemu://x86'),
        i('input', 'qemu', 'qemu://x86'),
        i('sensors', 'shelly', 'shelly://192.0.2.7'),
      ],
    },
    desktop: {
      id: 'desktop',
      label: 'Xvfb with real programs',
      state: 'ready',
      lease: { holder: 'anna', note: 'release tests', expires_at: new Date(Date.now() + 754000).toISOString() },
      interfaces: [i('video', 'x11', 'x11://:44'), i('input', 'x11', 'x11://:44')],
    },
    phone: {
      id: 'phone',
      label: 'Simulated phone',
      state: 'ready',
      lease: null,
      interfaces: [
        i('video', 'adb', 'adb://SIM0001'),
        i('input', 'adb', 'adb://SIM0001'),
        i('shell', 'adb', 'adb://SIM0001'),
        i('files', 'adb', 'adb://SIM0001'),
        i('apps', 'adb', 'adb://SIM0001'),
        i('logs', 'adb', 'adb://SIM0001'),
        i('sensors', 'adb', 'adb://SIM0001'),
      ],
    },
    scope: {
      id: 'scope',
      label: 'A telescope',
      state: 'ready',
      lease: null,
      interfaces: [i('video', 'seestar', 'seestar://192.0.2.30'), i('mount', 'seestar', 'seestar://192.0.2.30')],
    },
    'rack-pi': {
      id: 'rack-pi',
      label: 'Raspberry Pi 4, rack 2',
      state: 'fault',
      lease: null,
      interfaces: [
        i(
          'power',
          'shelly',
          'shelly://192.0.2.9',
          'power',
          'fault',
          'the plug at 192.0.2.9 does not answer (timeout after 5 s)',
        ),
        i(
          'console',
          'serial',
          'serial:///dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00?baud=115200',
          'console',
          'absent',
          'unplugged',
        ),
      ],
    },
    vitals: {
      id: 'vitals',
      label: 'This machine',
      state: 'ready',
      lease: null,
      interfaces: [i('sensors', 'vitals', 'vitals://')],
    },
  };
}

export const STREAMS = {
  board: { 'power.watts': ['power', 'W', 3.2], 'power.volts': ['voltage', 'V', 230.4] },
  phone: { 'battery.level': ['ratio', '%', 87], 'battery.temperature': ['temperature', 'Cel', 31.5] },
  vitals: {
    'load.1m': ['load', '1', 0.42],
    'memory.used': ['memory', 'By', 1.9e9],
    'cpu.temperature': ['temperature', 'Cel', 48.2],
    'cpu.busy': ['ratio', '%', 12],
  },
};

/**
 * GET /host/usb, in the shape of drivers/usb/usb_bus.c: a hub with power per port, one port taken, one empty, one off.
 */
export function usbTree() {
  const device = (port, fields) => ({ port, bus: 1, interfaces: [], nodes: [], ...fields });
  const port = (at, power, more = {}) => ({
    port: at,
    power,
    connected: Boolean(more.device),
    overcurrent: false,
    device: null,
    ...more,
  });
  return {
    buses: [
      device('usb1', {
        address: 1,
        speed_mbps: 480,
        usb: '2.00',
        vendor_id: '1d6b',
        product_id: '0002',
        manufacturer: 'Linux xhci-hcd',
        product: 'xHCI Host Controller',
        class: 'hub',
        driver: 'usb',
        power_switching: 'none',
        ports: [
          port('1-1', 'on', {
            device: device('1-1', {
              address: 2,
              speed_mbps: 480,
              usb: '2.00',
              vendor_id: '0424',
              product_id: '2514',
              manufacturer: 'Microchip',
              product: 'USB 2.0 Hub',
              class: 'hub',
              driver: 'usb',
              max_power_ma: 2,
              power_switching: 'per-port',
              interfaces: [{ number: 0, class: 'hub', driver: 'hub' }],
              ports: [
                port('1-1.1', 'on', {
                  device: device('1-1.1', {
                    address: 3,
                    speed_mbps: 12,
                    usb: '2.00',
                    vendor_id: '0403',
                    product_id: '6001',
                    manufacturer: 'FTDI',
                    product: 'FT232R USB UART',
                    serial: 'A50285BI',
                    class: 'per-interface',
                    driver: 'usb',
                    max_power_ma: 90,
                    interfaces: [{ number: 0, class: 'vendor', driver: 'ftdi_sio' }],
                    nodes: ['/dev/ttyUSB0'],
                    diagnosis: ['can do USB 3 and works at 12 Mbit/s: its cable, port or hub is USB 2'],
                  }),
                }),
                port('1-1.2', 'off'),
                port('1-1.3', 'on', { overcurrent: true }),
                port('1-1.4', 'on', { connected: true }),
              ],
            }),
          }),
        ],
      }),
    ],
  };
}

/** Switches a port of such a tree; the port as the host answers, or null. */
export function switchPort(tree, at, power) {
  for (const d of tree) {
    for (const p of d.ports ?? []) {
      if (p.port === at) {
        p.power = power;
        if (power === 'off') Object.assign(p, { connected: false, device: null });
        return {
          port: at,
          power,
          connected: p.connected,
          overcurrent: p.overcurrent,
          commanded: power,
          observed: power,
        };
      }
      const found = p.device && switchPort([p.device], at, power);
      if (found) return found;
    }
  }
  return null;
}

export const OPENAPI = {
  openapi: '3.1.0',
  info: { title: 'Testbed host (fake)', version: '0.1.0' },
  tags: [{ name: 'devices' }],
  paths: {
    '/host/devices': {
      get: { tags: ['devices'], summary: 'Every device', responses: { 200: { description: 'the list' } } },
    },
    '/host/devices/{id}/{interface}': {
      get: {
        tags: ['power'],
        summary: 'Power as commanded and observed',
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'interface', in: 'path', required: true, schema: { type: 'string' } },
        ],
        responses: { 200: { description: 'power' } },
      },
      put: {
        tags: ['power'],
        summary: 'Switch power',
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'interface', in: 'path', required: true, schema: { type: 'string' } },
        ],
        requestBody: {
          content: {
            'application/json': {
              schema: { type: 'object', properties: { state: { type: 'string', enum: ['on', 'off'] } } },
            },
          },
        },
        responses: { 200: { description: 'read back' }, 423: { description: 'leased' } },
      },
    },
  },
};

/** What GET mount of the telescope answers. */
export const mountState = () => ({
  model: 'Seestar S50',
  serial: '1',
  firmware: '6.70',
  ra_hours: 2.5,
  dec_deg: 89.2,
  alt_deg: 41.5,
  az_deg: 180.25,
  tracking: true,
  parked: false,
  view: 'star',
  stage: null,
  target: { name: null, ra_hours: null, dec_deg: null },
  focus: { position: 1517 },
  exposure: { live_ms: 500, stack_ms: 10000 },
  gain: 80,
  enhance: { brightness: 0, contrast: 0, saturation: 0, flatten: false },
  temperature: 38.8,
  battery: 70,
  disk_used: 35,
  doings: [],
});
