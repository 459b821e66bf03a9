// Networks of a test: kernel network namespaces with veth cables between them, firewalls and NAT by nftables, narrow
// links by tbf.
//
// A namespace has no name: it lives as long as a `cat` in it, which reads from a pipe of the test, and the programs
// that were started in it. So nothing is left of it when the test ends, in whatever way. Nothing of the machine's own
// network is touched. Needs iproute2, nftables, util-linux and either root or a kernel that lets users make user
// namespaces (Debian's does); what is missing fails the test with the words of the tool that missed it.
//
// Not every kernel has the netem qdisc, so delay and random loss are not made here; tbf gives a rate and a queue, which
// is where a narrow link's delay and loss come from.
import { execFileSync, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { BUILD, Host, Program, scratch, until } from '../integration/harness.mjs';
import { Server } from '../integration/server-harness.mjs';

const ROOTLESS = process.getuid() !== 0;

export class Net {
  /** host (10.1.0.2) - mid (10.1.0.1, 10.2.0.1), which forwards - far (10.2.0.2). */
  static async line(t) {
    const net = await Net.make(t, 'host', 'mid', 'far');
    net.cable('host', '10.1.0.2/24', 'mid', '10.1.0.1/24');
    net.cable('far', '10.2.0.2/24', 'mid', '10.2.0.1/24');
    net.gateway('host', '10.1.0.1');
    net.gateway('far', '10.2.0.1');
    net.forwards('mid');
    return net;
  }

  /** `names`: one namespace each, its loopback up. Everything ends with the test (t = {after}). */
  static async make(t, ...names) {
    const self = new Net();
    self.t = t;
    self.spaces = new Map(); // name -> the process that holds it
    self.folder = scratch('tb-net-');
    t.after(() => self.end());
    for (const name of names) {
      const first = self.spaces.values().next().value;
      // without root, one user namespace owns all the network namespaces
      const argv = !ROOTLESS
        ? ['unshare', '--net']
        : !first
          ? ['unshare', '--user', '--map-root-user', '--net']
          : ['nsenter', '--user', '--preserve-credentials', '--target', String(first.pid), '--', 'unshare', '--net'];
      const holder = spawn(argv[0], [...argv.slice(1), '--', 'cat'], { stdio: ['pipe', 'pipe', 'pipe'] });
      let said = '';
      let inside = false;
      holder.stdout.on('data', () => {
        inside = true;
      });
      holder.stderr.on('data', (chunk) => {
        said += chunk;
      });
      holder.stdin.on('error', () => {});
      holder.gone = new Promise((resolve) => {
        holder.on('error', (error) => {
          said += error.message;
          resolve();
        });
        holder.on('close', resolve);
      });
      holder.stdin.write('inside\n'); // cat says it back once it is in its namespace
      await until(`the namespace ${name}`, () => {
        if (holder.exitCode !== null || !holder.pid)
          throw new Error(`this test needs network namespaces (root, or user namespaces for users): ${said}`);
        return inside;
      });
      self.spaces.set(name, holder);
      self.run(name, ['ip', 'link', 'set', 'lo', 'up']);
    }
    return self;
  }

  async end() {
    for (const holder of this.spaces.values()) holder.stdin.end();
    await Promise.all([...this.spaces.values()].map((holder) => holder.gone));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The same network, where what is started ends with `t`: one test of a file whose tests share it. */
  during(t) {
    return Object.assign(Object.create(this), { t });
  }

  /** argv that runs what follows it in that namespace. */
  enter(name) {
    const pid = String(this.spaces.get(name).pid);
    return ['nsenter', ...(ROOTLESS ? ['--user', '--preserve-credentials'] : []), '--net', '--target', pid, '--'];
  }

  /** Runs a command in a namespace and returns what it says; throws with its complaint. */
  run(name, argv, input = '') {
    const [program, ...args] = [...this.enter(name), ...argv];
    return execFileSync(program, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** A cable: in each namespace an interface that bears the other's name. Addresses are "10.0.0.1/24". */
  cable(a, addressOfA, b, addressOfB) {
    const [pidB, atA, atB] = [String(this.spaces.get(b).pid), b, a];
    this.run(a, ['ip', 'link', 'add', atA, 'type', 'veth', 'peer', 'name', atB, 'netns', pidB]);
    for (const [name, device, address] of [
      [a, atA, addressOfA],
      [b, atB, addressOfB],
    ]) {
      this.run(name, ['ip', 'address', 'add', address, 'dev', device, ...(address.includes(':') ? ['nodad'] : [])]);
      this.run(name, ['ip', 'link', 'set', device, 'up']);
    }
  }

  /**
   * A line as bad as it is told, where the kernel has no netem: two tun devices "line" and a program between them.
   * `set({delayMs, lossPercent, kbps, queueBytes})`: from now on, each way; a loss of 100 is a cut.
   */
  async line(a, addressOfA, b, addressOfB) {
    const [pidA, pidB] = [a, b].map((name) => String(this.spaces.get(name).pid));
    const userOf = ROOTLESS ? ['nsenter', '--user', '--preserve-credentials', '--target', pidA, '--'] : [];
    const emulator = new Program([...userOf, path.join(BUILD, 'tools/line'), pidA, addressOfA, pidB, addressOfB], {
      name: 'line',
    });
    this.t.after(() => emulator.kill());
    await emulator.line(/^up$/);
    return {
      set: ({ delayMs = 0, lossPercent = 0, kbps = 0, queueBytes = 200000 } = {}) =>
        emulator.child.stdin.write(`${delayMs} ${lossPercent} ${kbps} ${queueBytes}\n`),
    };
  }

  gateway(name, address) {
    this.run(name, ['ip', 'route', 'add', 'default', 'via', address]);
  }
  forwards(name) {
    this.run(name, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
  }

  /** The namespace's nftables rules, all of them, from now on. */
  rules(name, text) {
    this.run(name, ['nft', '-f', '-'], `flush ruleset\n${text}\n`);
  }

  /**
   * A home router: lets its inside (the cable to `inside`) out under its own address on the cable to `outside`, and
   * nothing in that did not go out first.
   * `symmetric`: a new random port for each destination, so that what a STUN server sees is of no use to anybody else;
   * else ports stay as they are, as with most home routers, and holes can be punched.
   */
  nat(name, inside, outside, { symmetric = false } = {}) {
    this.forwards(name);
    this.rules(
      name,
      `table ip nat {
      chain postrouting { type nat hook postrouting priority srcnat; oifname "${outside}" masquerade ${symmetric ? 'fully-random' : ''}; }
    }
    table ip guard {
      chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept; iifname "${inside}" accept;
      }
      chain input { type filter hook input priority filter; policy accept; iifname "${outside}" ct state new drop; }
    }`,
    );
  }

  /**
   * Drops every UDP packet that comes into `name` or through it by the cables to `from`; without any, lets all pass
   * again.
   */
  blockUdp(name, ...from) {
    const drop = from.map((cable) => `iifname "${cable}" meta l4proto udp drop; `).join('');
    this.rules(
      name,
      from.length
        ? `table inet wall {
      chain forward { type filter hook forward priority filter; ${drop}}
      chain input { type filter hook input priority filter; ${drop}}
    }`
        : '',
    );
  }

  /**
   * Unplugs the cable between them at the end of `name`, whose kernel keeps its addresses, or plugs it in again;
   * `other` sees its carrier go.
   */
  plug(name, other, on) {
    this.run(name, ['ip', 'link', 'set', other, on ? 'up' : 'down']);
  }

  /** What leaves `name` by the cable to `other` goes at this rate, with a queue of `queueBytes` in front. */
  shape(name, other, kbps, queueBytes) {
    this.run(name, [
      'tc',
      'qdisc',
      'replace',
      'dev',
      other,
      'root',
      'handle',
      '1:',
      'tbf',
      'rate',
      `${kbps}kbit`,
      'burst',
      '3000',
      'limit',
      String(queueBytes),
    ]);
  }

  /**
   * Bytes that went over the shaped cable since it was first shaped, packets that were dropped, and bytes that wait
   * now.
   */
  shaped(name, other) {
    const [qdisc] = JSON.parse(this.run(name, ['tc', '-s', '-j', 'qdisc', 'show', 'dev', other]));
    return { bytes: qdisc.bytes, dropped: qdisc.drops, backlog: qdisc.backlog };
  }

  /**
   * A door for the test's own requests: the URL of a free port here, whose connections come out in that namespace at
   * its loopback's `port`.
   */
  async door(name, port) {
    const file = path.join(this.folder, `${name}-${port}`);
    const inside = new Program([...this.enter(name), 'socat', `UNIX-LISTEN:${file},fork`, `TCP:127.0.0.1:${port}`], {
      name: 'socat',
    });
    const sockets = new Set();
    const server = net.createServer((socket) => {
      const far = net.connect(file);
      for (const [s, other] of [
        [socket, far],
        [far, socket],
      ]) {
        sockets.add(s);
        s.pipe(other);
        s.on('error', () => other.destroy());
        s.on('close', () => {
          sockets.delete(s);
          other.destroy();
        });
      }
    });
    this.t.after(async () => {
      sockets.forEach((s) => s.destroy());
      await new Promise((resolve) => server.close(resolve));
      await inside.kill();
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    await until(
      'socat to listen',
      () =>
        new Promise((resolve) => {
          const probe = net.connect(file, () => {
            probe.destroy();
            resolve(true);
          });
          probe.on('error', () => resolve(false));
        }),
    );
    return `http://127.0.0.1:${server.address().port}`;
  }

  /**
   * testbed-server in a namespace, on all its addresses; `pages` is its URL there at `address`. `before`: one that
   * ended, whose port and sessions it has.
   */
  async server(name, address, { env = {}, config = {}, before } = {}) {
    const six = address.includes(':');
    const fixed = before ? { port: Number(new URL(before.pages).port) } : {};
    const server = await Server.start(
      { address: six ? '::' : '0.0.0.0', insecure: true, ...fixed, ...config },
      { env, wrap: this.enter(name), state: before?.folder },
    );
    const { port } = new URL(server.url);
    server.url = before?.url ?? (await this.door(name, port));
    server.pages = `http://${six ? `[${address}]` : address}:${port}`;
    this.t.after(async () => {
      if (!server.program.how) await server.stop();
    });
    return server;
  }

  /** testbed-host in a namespace, on all its addresses. `kept`: state and options of one that ran before. */
  async host(name, config, options = {}) {
    const host = await Host.start(
      { address: '0.0.0.0', insecure: true, ...config },
      { ...options, wrap: this.enter(name) },
    );
    host.port = Number(new URL(host.url).port);
    host.url = await this.door(name, host.port);
    this.t.after(async () => {
      if (!host.program.how) await host.stop();
    });
    return host;
  }

  /**
   * Debian's coturn on `address`, with credentials as testbed-server makes them. `tls`: {cert, key}, and it speaks TLS on
   * port 5349, too.
   */
  async turn(name, address, secret, { tls = null } = {}) {
    // the namespace is its own: no port can be taken
    const argv = [
      'turnserver',
      '-n',
      '--listening-ip',
      address,
      '--relay-ip',
      address,
      '--listening-port',
      '3478',
      '--use-auth-secret',
      `--static-auth-secret=${secret}`,
      '--realm=testbed',
      ...(tls ? ['--cert', tls.cert, '--pkey', tls.key, '--tls-listening-port', '5349'] : ['--no-tls']),
      '--no-dtls',
      '--no-cli',
      '--log-file=stdout',
      '--simple-log',
      '--verbose',
      '--pidfile',
      path.join(this.folder, 'turn.pid'),
      '--userdb',
      path.join(this.folder, 'turn.db'),
      '--allow-loopback-peers',
    ];
    const turn = new Program([...this.enter(name), ...argv], { name: 'turnserver' });
    this.t.after(() => turn.kill());
    await until('coturn to listen', () => this.run(name, ['ss', '-Hltn', 'sport', '=', ':3478']).includes('3478'));
    if (tls)
      await until('coturn to speak TLS', () => this.run(name, ['ss', '-Hltn', 'sport', '=', ':5349']).includes('5349'));
    return turn;
  }

  /** A script that starts Chromium in that namespace, for Playwright's executablePath. */
  chromium(name) {
    const file = path.join(this.folder, `chromium-${name}`);
    writeFileSync(
      file,
      `#!/bin/sh\nexec ${this.enter(name).join(' ')} '${process.env.CHROMIUM || '/usr/bin/chromium'}' "$@"\n`,
      { mode: 0o755 },
    );
    return file;
  }
}
