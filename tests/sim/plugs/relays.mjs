// What simulated plugs have in common: relays, a button, faults, and the lines on stdin that make them. SIMULATOR.
//
//   fault NAME [N]     none: works; silent: never answers; garbage: answers what is none; stuck: acknowledges, and its
//                      relay does not follow; busy: the next N requests; another: another plug at the same address;
//                      a simulator may know more
//   press [N]          the button: toggles output N
//   state              JSON: {"outputs":[…],"requests":…}
import readline from 'node:readline';
import { parseArgs } from 'node:util';

/** The options of a simulator: these, and its own. */
export function optionsOf(more = {}) {
  return parseArgs({
    options: {
      secret: { type: 'string', default: 'secret' },
      outputs: { type: 'string', default: '1' },
      port: { type: 'string', default: '0' },
      control: { type: 'boolean', default: false },
      ...more,
    },
  }).values;
}

export class Relays {
  constructor(options) {
    this.fault = 'none';
    this.left = 0;
    this.requests = 0;
    this.outputs = Array.from({ length: Number(options.outputs) }, () => false);
    if (options.control) this.#listen();
  }
  turn(n, on) {
    if (this.fault !== 'stuck') this.outputs[n] = on;
  }
  watts(n) {
    return this.outputs[n] ? 11.5 : 0;
  }
  isBusy() {
    return this.fault === 'busy' && this.left-- > 0;
  }
  #listen() {
    const lines = readline.createInterface({ input: process.stdin });
    lines.on('line', (line) => {
      const [verb, word, n] = line.split(' ');
      if (verb === 'fault') [this.fault, this.left] = [word, Number(n ?? 0)];
      if (verb === 'press') this.outputs[Number(word ?? 0)] = !this.outputs[Number(word ?? 0)];
      console.log(verb === 'state' ? JSON.stringify({ outputs: this.outputs, requests: this.requests }) : 'ok');
    });
    lines.on('close', () => process.exit(0));
  }
}

/** Serves on loopback and says where. */
export function serve(server, options) {
  server.listen(Number(options.port), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
}
