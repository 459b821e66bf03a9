// Written by tests/messages.mjs from lib/proto/messages.json (make messages): change it there.
export default {
  limits: {
    message: { value: 262144 },
    channelMessage: { value: 65536 },
    name: { value: 64 },
    verb: { value: 96 },
    topic: { value: 160 },
    topics: { value: 32 },
    inFlight: { value: 64 },
    consoleChunk: { value: 16384 },
    unit: { value: 32 },
    quantity: { value: 64 },
    detail: { value: 4096 },
    field: { value: 256 },
    lease: { value: 128 },
    integer: { value: 9007199254740991 },
    inputEvents: { value: 256 },
    inputText: { value: 4096 },
    holdMs: { value: 10000 },
    swipeMs: { value: 10000 },
    pixels: { value: 8192 },
    breakMs: { value: 5000 },
    cycleOff: { value: 120 },
    sdp: { value: 65536 },
    candidate: { value: 1024 },
  },
  names: {
    id: { pattern: '[a-z0-9][a-z0-9._-]*', max: 'name' },
    stream: { pattern: '[A-Za-z0-9._-]+', max: 'name' },
    type: { pattern: '[a-z][a-z0-9_-]*(\\.[a-z][a-z0-9_-]*)*', max: 'name' },
    verb: { pattern: '[a-z0-9][a-z0-9._-]{0,63}\\.[a-z][a-z0-9_-]{0,63}', max: 'verb' },
    topic: {
      pattern: '[a-z][a-z0-9_-]*(\\.[a-z][a-z0-9_-]*)*(:[a-z0-9][a-z0-9._-]{0,63}(/[a-z0-9][a-z0-9._-]{0,63})?)?',
      max: 'topic',
    },
    base64: { pattern: '[A-Za-z0-9+/]*={0,2}', max: 'message' },
  },
  topics: {
    event: { sends: 'event', also: ['events'] },
    sensor: { sends: 'sample', also: ['sensors'] },
    console: { sends: 'console', device: true },
    log: { sends: 'event', device: true },
    picture: { sends: 'binary' },
  },
  types: {
    xyz: { x: { type: 'number' }, y: { type: 'number' }, z: { type: 'number' } },
    orientation: { alpha: { type: 'number' }, beta: { type: 'number' }, gamma: { type: 'number' } },
    problem: {
      status: { type: 'int', min: 100, max: 599 },
      title: { type: 'string', min: 1, max: 256 },
      detail: { type: 'string', max: 'detail', optional: true },
      field: { type: 'string', max: 'field', optional: true },
    },
    candidate: {
      candidate: { type: 'string', max: 'candidate' },
      sdpMid: { type: 'string', max: 64, optional: true, nullable: true },
      sdpMLineIndex: { type: 'int', min: 0, max: 255, optional: true, nullable: true },
    },
    peer: { peer: { type: 'string', min: 1, max: 32 }, peerId: { type: 'string', min: 1, max: 128 } },
    routed: {
      to: { type: 'string', min: 1, max: 128, optional: true },
      from: { type: 'string', min: 1, max: 128, optional: true },
    },
    any: {},
  },
  messages: {
    command: {
      fields: {
        id: { type: 'int', min: 1 },
        device: { type: 'string', name: 'id' },
        verb: { type: 'string', name: 'verb' },
        interface: { type: 'string', name: 'id', optional: true },
        params: { type: 'object', of: 'any', optional: true },
        lease: { type: 'string', min: 1, max: 'lease', optional: true },
        client: { type: 'string', min: 1, max: 'name', optional: true },
        t: { type: 'int', min: 0, optional: true },
      },
    },
    result: {
      fields: {
        id: { type: 'int', min: 1 },
        ok: { type: 'bool' },
        result: { type: 'any', optional: true },
        error: { type: 'object', of: 'problem', optional: true, requiredWhen: ['ok', false] },
      },
    },
    subscribe: {
      fields: {
        subscribe: { type: 'array', min: 1, max: 'topics', items: { type: 'string', name: 'topic' } },
        id: { type: 'int', min: 1, optional: true },
        offset: { type: 'int', min: 0, optional: true },
      },
    },
    unsubscribe: {
      fields: {
        unsubscribe: { type: 'array', min: 1, max: 'topics', items: { type: 'string', name: 'topic' } },
        id: { type: 'int', min: 1, optional: true },
      },
    },
    event: {
      fields: {
        type: { const: 'event' },
        event: { type: 'string', name: 'type' },
        t: { type: 'int', min: 0 },
        id: { type: 'int', min: 1, optional: true },
        device: { type: 'string', name: 'id', optional: true },
        interface: { type: 'string', name: 'id', optional: true },
        data: { type: 'object', of: 'any', optional: true },
      },
    },
    sample: {
      fields: {
        type: { const: 'sample' },
        stream: { type: 'string', name: 'stream' },
        t: { type: 'int', min: 0 },
        seq: { type: 'int', min: 0 },
        unit: { type: 'string', max: 'unit' },
        value: { type: 'number' },
        quantity: { type: 'string', max: 'quantity', optional: true },
        points: { type: 'array', max: 16, items: { type: 'object', of: 'any' }, optional: true },
        device: { type: 'string', name: 'id', optional: true },
        interface: { type: 'string', name: 'id', optional: true },
      },
    },
    console: {
      fields: {
        type: { const: 'console' },
        device: { type: 'string', name: 'id' },
        interface: { type: 'string', name: 'id', optional: true },
        offset: { type: 'int', min: 0 },
        base64: { type: 'string', name: 'base64', max: 'consoleChunk' },
      },
    },
    ping: {
      fields: {
        type: { const: 'ping' },
        t: { type: 'int', min: 0, optional: true },
        client: { type: 'string', min: 1, max: 'name', optional: true },
        hold: { type: 'int', min: 0, max: 'holdMs', optional: true },
      },
    },
    pong: { fields: { type: { const: 'pong' }, t: { type: 'int', min: 0, optional: true } } },
    error: {
      fields: {
        type: { const: 'error' },
        message: { type: 'string', max: 'detail' },
        code: { type: 'string', min: 1, max: 64, optional: true },
      },
    },
    sensor: {
      anyOf: ['orientation', 'gyro', 'accel'],
      fields: {
        type: { const: 'sensor' },
        t: { type: 'int', min: 0 },
        seq: { type: 'int', min: 0 },
        orientation: { type: 'object', of: 'orientation', optional: true },
        gyro: { type: 'object', of: 'xyz', optional: true },
        accel: { type: 'object', of: 'xyz', optional: true },
        units: { type: 'object', of: 'any', optional: true },
      },
    },
    bye: { relayed: true, fields: { type: { const: 'bye' }, reason: { type: 'string', max: 256, optional: true } } },
    hello: {
      signaling: true,
      fields: {
        type: { const: 'hello' },
        role: { type: 'enum', values: ['desktop', 'phone'] },
        sessionId: { type: 'string', min: 1, max: 128 },
        token: { type: 'string', min: 1, max: 512 },
        peerId: { type: 'string', min: 1, max: 128, optional: true },
      },
    },
    ready: {
      signaling: true,
      fields: {
        type: { const: 'ready' },
        role: { type: 'enum', values: ['desktop', 'phone'] },
        peerId: { type: 'string', min: 1, max: 128, optional: true },
        peers: { type: 'array', max: 1024, items: { type: 'object', of: 'peer' }, optional: true },
        iceServers: { type: 'array', max: 16, items: { type: 'object', of: 'any' }, optional: true },
      },
    },
    'ice-servers': {
      signaling: true,
      fields: {
        type: { const: 'ice-servers' },
        iceServers: { type: 'array', max: 16, items: { type: 'object', of: 'any' } },
      },
    },
    offer: {
      signaling: true,
      relayed: true,
      fields: {
        type: { const: 'offer' },
        sdp: { type: 'string', min: 1, max: 'sdp' },
        attempt: { type: 'int', min: 1, max: 2147483647, optional: true },
      },
    },
    answer: {
      signaling: true,
      relayed: true,
      fields: {
        type: { const: 'answer' },
        sdp: { type: 'string', min: 1, max: 'sdp' },
        attempt: { type: 'int', min: 1, max: 2147483647, optional: true },
      },
    },
    screen: {
      signaling: true,
      relayed: true,
      fields: {
        type: { const: 'screen' },
        width: { type: 'int', min: 1, max: 65535 },
        height: { type: 'int', min: 1, max: 65535 },
      },
    },
    ice: {
      signaling: true,
      relayed: true,
      fields: {
        type: { const: 'ice' },
        candidate: { type: 'string', max: 'candidate' },
        sdpMid: { type: 'string', max: 64, optional: true, nullable: true },
        sdpMLineIndex: { type: 'int', min: 0, max: 255, optional: true, nullable: true },
        attempt: { type: 'int', min: 1, max: 2147483647, optional: true },
      },
    },
    'ice-candidate': {
      signaling: true,
      relayed: true,
      fields: { type: { const: 'ice-candidate' }, data: { type: 'object', of: 'candidate' } },
    },
    'peer-connected': {
      signaling: true,
      fields: {
        type: { const: 'peer-connected' },
        peer: { type: 'string', min: 1, max: 32 },
        peerId: { type: 'string', min: 1, max: 128, optional: true },
      },
    },
    'peer-disconnected': {
      signaling: true,
      fields: {
        type: { const: 'peer-disconnected' },
        peer: { type: 'string', min: 1, max: 32 },
        peerId: { type: 'string', min: 1, max: 128, optional: true },
      },
    },
  },
  input: {
    key: {
      key: { type: 'string', min: 1, max: 64 },
      code: { type: 'string', min: 1, max: 32, optional: true },
      action: { type: 'enum', values: ['press', 'down', 'up'], optional: true },
    },
    text: { text: { type: 'string', min: 1, max: 'inputText' } },
    pointer: {
      x: { type: 'number', min: -1, max: 'pixels' },
      y: { type: 'number', min: -1, max: 'pixels' },
      buttons: { type: 'int', min: 0, max: 31, optional: true },
    },
    tap: { x: { type: 'number', min: -1, max: 'pixels' }, y: { type: 'number', min: -1, max: 'pixels' } },
    swipe: {
      x1: { type: 'number', min: -1, max: 'pixels' },
      y1: { type: 'number', min: -1, max: 'pixels' },
      x2: { type: 'number', min: -1, max: 'pixels' },
      y2: { type: 'number', min: -1, max: 'pixels' },
      ms: { type: 'int', min: 0, max: 'swipeMs', optional: true },
    },
    scroll: {
      x: { type: 'number', min: -1, max: 'pixels' },
      y: { type: 'number', min: -1, max: 'pixels' },
      dx: { type: 'number', min: -100, max: 100, optional: true },
      dy: { type: 'number', min: -100, max: 100, optional: true },
    },
  },
  verbs: {
    'power.set': { fields: { state: { type: 'enum', values: ['on', 'off'] } } },
    'power.cycle': { fields: { off_s: { type: 'number', min: 0, max: 'cycleOff', optional: true } } },
    'input.send': { fields: { events: { type: 'array', min: 1, max: 'inputEvents', items: { type: 'input' } } } },
    'console.write': {
      anyOf: ['text', 'base64'],
      fields: {
        text: { type: 'string', max: 'message', optional: true },
        base64: { type: 'string', name: 'base64', optional: true },
      },
    },
    'console.break': { fields: { ms: { type: 'int', min: 1, max: 'breakMs', optional: true } } },
  },
};
