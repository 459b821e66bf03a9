#!/usr/bin/env node
// Simulated plugs that speak HTTP, for tests: SIMULATOR, nothing here comes out of a real device. README.md names what
// each dialect was written from.
//
//   node tests/sim/plugs/plugs-sim.mjs --kind KIND [--secret TEXT] [--outputs N] [--port N] [--control]
//
// Lines on stdin: relays.mjs; `fault busy`: 429; `fault away`: what it stands for is not reached.
import http from 'node:http';
import { Relays, optionsOf, serve } from './relays.mjs';

const options = optionsOf({ kind: { type: 'string' } });
const relays = new Relays(options);
const { outputs } = relays;
const watts = (n) => relays.watts(n);
const turn = (n, on) => relays.turn(n, on);
const SESSIONS = '/redfish/v1/SessionService/Sessions';
const sessions = new Map(); // token -> path
relays.logins = 0;

const KINDS = {
  /** tasmota/docs: Commands.md, JSON-Status-Responses.md */
  tasmota(url) {
    if (url.pathname !== '/cm') return [404, 'File Not Found'];
    if (url.searchParams.get('password') !== options.secret || url.searchParams.get('user') !== 'admin')
      return [401, { WARNING: 'Need user=<username>&password=<password>' }];
    const command = url.searchParams.get('cmnd');
    const name = (n) => (outputs.length > 1 ? `POWER${n + 1}` : 'POWER');
    const word = (n) => (outputs[n] ? 'ON' : 'OFF');
    const mac = relays.fault === 'another' ? 'FF:EE:DD:CC:BB:AA' : 'AA:BB:CC:DD:EE:FF';
    if (command === 'Status 5') return [200, { StatusNET: { Hostname: 'tasmota-1', IPAddress: '10.0.0.8', Mac: mac } }];
    if (command === 'Status 11')
      return [
        200,
        {
          StatusSTS: { Time: '2026-01-01T00:00:00', ...Object.fromEntries(outputs.map((_, n) => [name(n), word(n)])) },
        },
      ];
    if (command === 'Status 10')
      return [
        200,
        {
          StatusSNS: {
            Time: '2026-01-01T00:00:00',
            ENERGY: {
              Total: 3.185,
              Yesterday: 3.058,
              Today: 0.127,
              Power: watts(0),
              Factor: 0,
              Voltage: 221,
              Current: 0.05,
            },
          },
        },
      ];
    const set = /^Power(\d+) (On|Off)$/.exec(command);
    const n = Number(set?.[1]) - 1;
    if (!set || !(n in outputs)) return [200, { Command: 'Unknown' }];
    turn(n, set[2] === 'On');
    return [200, { [name(n)]: word(n) }];
  },
  /** developers.home-assistant: docs/api/rest.md; outputs are switch.desk, switch.desk_2, … */
  homeassistant(url, request, body) {
    if (request.headers.authorization !== `Bearer ${options.secret}`) return [401, '401: Unauthorized'];
    const entity = (n) => (n ? `switch.desk_${n + 1}` : 'switch.desk');
    const state = (n) => ({
      entity_id: entity(n),
      state: relays.fault === 'away' ? 'unavailable' : outputs[n] ? 'on' : 'off',
      attributes: { friendly_name: 'Desk', current_power_w: watts(n) },
      last_changed: '2026-01-01T00:00:00+00:00',
      last_updated: '2026-01-01T00:00:00+00:00',
    });
    const find = (name) => outputs.findIndex((_, n) => entity(n) === name);
    const asked = find(/^\/api\/states\/(.*)$/.exec(url.pathname)?.[1]);
    if (asked >= 0) return [200, state(asked)];
    const call = /^\/api\/services\/switch\/turn_(on|off)$/.exec(url.pathname);
    if (!call || request.method !== 'POST') return [404, { message: 'Entity not found.' }];
    const meant = find(body.entity_id);
    if (meant < 0) return [200, []];
    turn(meant, call[1] === 'on');
    return [200, [state(meant)]];
  },
  /** NETIO's JSON API: POST /netio.json, basic auth; outputs are numbered from 1 */
  netio(url, request, body) {
    if (request.headers.authorization !== `Basic ${Buffer.from(`admin:${options.secret}`).toString('base64')}`)
      return [401, 'Unauthorized', { 'WWW-Authenticate': 'Basic realm="NETIO"' }];
    if (url.pathname !== '/netio.json') return [404, ''];
    for (const { ID, Action } of body?.Outputs ?? []) if (ID - 1 in outputs) turn(ID - 1, Action === 1);
    const list = outputs.map((on, n) => ({ ID: n + 1, Name: `out_${n + 1}`, State: on ? 1 : 0, Load: watts(n) }));
    return [200, { Agent: { Model: 'NETIO 4All', MAC: '24:A4:2C:00:00:01' }, Outputs: list }];
  },
  /** Digital Loggers' REST API: PUT with a form, plain true and false, X-CSRF needed to write */
  dli(url, request, body, raw) {
    const n = Number(/^\/restapi\/relay\/outlets\/=(\d+)\/state\/$/.exec(url.pathname)?.[1]);
    if (!(n in outputs)) return [404, 'no such outlet'];
    if (request.method === 'GET') return [200, String(outputs[n])];
    if (request.method !== 'PUT' || !request.headers['x-csrf']) return [403, 'X-CSRF'];
    turn(n, new URLSearchParams(raw).get('value') === 'true');
    return [204, ''];
  },
  /** Gude: GET that switches, a page that tells */
  gude(url) {
    const n = Number(url.searchParams.get('p')) - 1;
    if (url.searchParams.get('cmd') === '1' && n in outputs) turn(n, url.searchParams.get('s') === '1');
    const tags = outputs.map((on, i) => `<meta http-equiv="powerstate" content="Power Port ${i + 1},${on ? 1 : 0}">`);
    return [200, `<html><head>${tags.join('\n')}</head></html>`, { 'Content-Type': 'text/html' }];
  },
  /** DMTF's DSP0266, DSP2046 and the mockups of DSP2043; what is so already is refused, as controllers do */
  redfish(url, request, body) {
    const link = (path) => ({ '@odata.id': `/redfish/v1/${path}` });
    if (url.pathname === '/redfish/v1/') return [200, { RedfishVersion: '1.6.0', Systems: link('Systems') }];
    if (relays.fault === 'forgets') {
      sessions.clear();
      relays.fault = 'none';
    }
    if (request.method === 'POST' && url.pathname === SESSIONS) {
      if (body?.UserName !== 'lab' || body?.Password !== options.secret) return [401, { error: { message: 'no' } }];
      if (sessions.size >= 2) return [503, { error: { message: 'SessionLimitExceeded' } }];
      const token = `token-${++relays.logins}`;
      sessions.set(token, `${SESSIONS}/${relays.logins}`);
      return [201, {}, { 'X-Auth-Token': token, Location: `http://${request.headers.host}${sessions.get(token)}` }];
    }
    const basic = `Basic ${Buffer.from(`lab:${options.secret}`).toString('base64')}`;
    const token = request.headers['x-auth-token'];
    if (request.method === 'DELETE' && sessions.get(token) === url.pathname) {
      sessions.delete(token);
      return [204, ''];
    }
    if (options.kind === 'redfish-sessions' ? !sessions.has(token) : request.headers.authorization !== basic)
      return [401, { error: { code: 'Base.1.0.NoValidSession', message: 'There is no valid session' } }];
    if (url.pathname === '/redfish/v1/Systems')
      return [200, { Members: outputs.map((_, n) => link(`Systems/${n + 1}`)), 'Members@odata.count': outputs.length }];
    const [, kind, number, rest] = /^\/redfish\/v1\/(Systems|Chassis)\/(\d+)(\/.*)?$/.exec(url.pathname) ?? [];
    const n = Number(number) - 1;
    if (!(n in outputs)) return [404, { error: { message: 'The resource does not exist' } }];
    if (kind === 'Chassis' && !rest) return [200, { Id: number, Power: link(`Chassis/${number}/Power`) }];
    if (kind === 'Chassis') return [200, { PowerControl: [{ MemberId: '0', PowerConsumedWatts: watts(n) }] }];
    const slow = relays.fault === 'slow' && relays.left-- > 0;
    if (!rest)
      return [
        200,
        {
          Id: number,
          UUID: `38947555-7742-3448-3784-82334782383${n + (relays.fault === 'another' ? 5 : 0)}`,
          PowerState: slow ? 'PoweringOn' : outputs[n] ? 'On' : 'Off',
          Links: { Chassis: [link(`Chassis/${number}`)] },
          Actions: {
            '#ComputerSystem.Reset': {
              target: `/redfish/v1/Systems/${number}/Actions/ComputerSystem.Reset`,
              'ResetType@Redfish.AllowableValues': ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart'],
            },
          },
        },
      ];
    const wanted = { On: true, ForceOff: false, GracefulShutdown: false }[body?.ResetType];
    if (request.method !== 'POST' || wanted === undefined)
      return [400, { error: { message: 'ActionParameterNotSupported' } }];
    if (wanted === outputs[n]) return [409, { error: { message: 'The system is in that state already' } }];
    turn(n, wanted);
    return [204, ''];
  },
};

KINDS['redfish-sessions'] = KINDS.redfish; // and nobody by a password

const server = http.createServer((request, response) => {
  let raw = '';
  request.on('data', (d) => (raw += d));
  request.on('end', () => {
    relays.requests += 1;
    if (relays.fault === 'silent') return;
    const reply = (status, value, headers = {}) =>
      response
        .writeHead(status, { 'Content-Type': 'application/json', ...headers })
        .end(typeof value === 'string' ? value : JSON.stringify(value));
    if (relays.fault === 'garbage') return reply(200, '<html>');
    if (relays.isBusy()) return reply(429, 'Too Many Requests');
    let body = null;
    try {
      body = JSON.parse(raw);
    } catch {
      /* a form, or nothing */
    }
    reply(...KINDS[options.kind](new URL(request.url, 'http://plug'), request, body, raw));
  });
});
serve(server, options);
