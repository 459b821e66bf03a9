// A slow line to a server, all of whose connections share it: a rate each way, and half of the round trip each way. A
// program, because not every kernel can delay (netem). A new connection costs a round trip, as its handshake does.
import net from 'node:net';

/** One way of the line: chunks leave it in turns at its rate, then travel. */
class Way {
  constructor(kbps, delayMs) {
    Object.assign(this, { perMs: kbps ? kbps / 8 : Infinity, delayMs, free: 0, bytes: 0 });
  }
  send(chunk, to, from) {
    const now = performance.now();
    this.free = Math.max(this.free, now) + chunk.length / this.perMs;
    this.bytes += chunk.length;
    const queued = this.free - now;
    setTimeout(() => !to.destroyed && to.write(chunk), queued + this.delayMs); // lint: tests - the line itself
    if (queued > 200) {
      from.pause(); // the sender's window is what fills the line, no queue without end
      setTimeout(() => from.resume(), queued - 100); // lint: tests - the line itself
    }
  }
}

/** {url, down: bytes so far, up, close()} of a line to `target` (http://address:port). */
export async function slowLine(target, { kbps = 0, roundTripMs }) {
  const { hostname, port } = new URL(target);
  const [up, down] = [new Way(kbps, roundTripMs / 2), new Way(kbps, roundTripMs / 2)];
  const sockets = new Set();
  const server = net.createServer({ pauseOnConnect: true }, (client) => {
    const far = net.connect({ host: hostname, port: Number(port), noDelay: true });
    client.setNoDelay(true);
    setTimeout(() => client.resume(), roundTripMs); // lint: tests - the line itself
    for (const [from, to, way] of [
      [client, far, up],
      [far, client, down],
    ]) {
      sockets.add(from);
      from.on('data', (chunk) => way.send(chunk, to, from));
      from.on('error', () => to.destroy());
      from.on('end', () => way.send(Buffer.alloc(0), { destroyed: false, write: () => to.end() }, from));
      from.on('close', () => sockets.delete(from));
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    get down() {
      return down.bytes;
    },
    get up() {
      return up.bytes;
    },
    close() {
      sockets.forEach((s) => s.destroy());
      server.close();
    },
  };
}
