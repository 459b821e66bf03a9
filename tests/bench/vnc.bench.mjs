// VNC, 1280x720, full motion, one viewer: frames that reach the viewer per second of the server's CPU, beside x11vnc on the same Xvfb in the same run. The viewer
// (tests/tools/vnc_count.c) asks as TigerVNC does on a LAN: Tight with JPEG, quality 8. CPU is the server process alone; Xvfb and the painter are the same for both.
// Two rounds, in turns: the machine's other load then falls on both.
import { join } from "node:path";
import { freePort, host, output, run, stop, until, usage, xvfb } from "./lib.mjs";

const SECONDS = 10;
const ROUNDS = 2;
const FPS = 30;

async function measure(port, pid) {
  const before = usage(pid).cpu;
  const { code, text } = await output([join(process.env.TESTBED_BUILD ?? "build", "tools/vnc_count"), `127.0.0.1:${port}`, String(SECONDS)]);
  if (code !== 0) throw new Error(`vnc_count: ${text}`);
  const cpu = usage(pid).cpu - before;
  return { ...JSON.parse(text.trim().split("\n").pop()), cpu };
}

export default async function bench() {
  const build = process.env.TESTBED_BUILD ?? "build";
  const x = await xvfb("1280x720x24");
  const painter = run([join(build, "tools/x11_motion"), String(FPS)], { env: { DISPLAY: x.display } });
  await until("the painter", () => painter.text.includes("painting"));
  const port = await freePort(), peerPort = await freePort();
  const h = await host({ desktop: { attach: `x11://${x.display}` } }, { config: { vnc: { port, device: "desktop" } } });
  await until("the desktop", async () => (await (await fetch(`${h.url}/host/devices/desktop`)).json()).state === "ready");
  const peer = run(["x11vnc", "-display", x.display, "-rfbport", String(peerPort), "-localhost", "-forever", "-shared", "-nopw", "-quiet", "-no6", "-noxrecord"]);
  await until("x11vnc", () => /PORT=\d+/.test(peer.text) || /listening on/i.test(peer.text) || output(["true"]).then(async () => (await fetch(`http://127.0.0.1:${peerPort}`).then(() => true, (e) => e.cause?.code !== "ECONNREFUSED"))));

  const total = { ours: { frames: 0, cpu: 0, seconds: 0 }, peer: { frames: 0, cpu: 0, seconds: 0 } };
  for (let i = 0; i < ROUNDS; i++) {
    for (const [who, p, pid] of [["ours", port, h.pid], ["peer", peerPort, peer.pid]]) {
      const m = await measure(p, pid);
      for (const key of ["frames", "cpu", "seconds"]) total[who][key] += m[key];
    }
  }
  await stop(peer);
  const show = ({ frames, cpu, seconds }) => `${(frames / cpu).toFixed(1)} (${(frames / seconds).toFixed(1)} fps, ${((cpu / seconds) * 100).toFixed(0)} % of a core)`;
  const ratio = total.ours.frames / total.ours.cpu / (total.peer.frames / total.peer.cpu);
  return [{ what: "VNC 720p full motion, one viewer: frames per CPU second", ours: show(total.ours), peer: `x11vnc ${show(total.peer)}`, target: "≥ x11vnc's",
    met: ratio >= 1, ratio: ratio.toFixed(2) }];
}
