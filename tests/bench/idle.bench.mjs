// The demo bench with nobody watching: CPU and memory of host and server, over 20 s.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { folder, host, run, sleep, until, usage, xvfb } from "./lib.mjs";

export default async function bench() {
  const build = process.env.TESTBED_BUILD ?? "build";
  const x = await xvfb();
  const phoneDir = folder("phone");
  const phone = run([join(build, "sim/android"), "--port", "0", "--state", phoneDir]);
  const phonePort = await until("the simulated phone", () => /listening (\d+)/.exec(phone.text)?.[1]);
  run(["adb", "-L", "tcp:127.0.0.1:0", "version"]);
  const dir = folder("server");
  const server = existsSync(join(build, "testbed-server")) ? run([join(build, "testbed-server"), "--state-dir", dir], { env: { PORT: "0" } }) : null;
  const h = await host({
    board: { attach: "qemu:///usr/lib/u-boot/qemu-x86/u-boot.rom?memory=256" },
    desktop: { attach: `x11://${x.display}` },
    phone: { attach: `adb://127.0.0.1:${phonePort}` },
    vitals: { attach: "vitals://" },
  });
  await until("board, desktop and vitals", async () => (await (await fetch(`${h.url}/host/devices`)).json()).filter((d) => d.state === "ready").length >= 3, 40);
  await sleep(5000); // lint: tests - measured over a length of time
  const before = usage(h.pid), seconds = 20;
  await sleep(seconds * 1000); // lint: tests - measured over a length of time
  const after = usage(h.pid);
  const rows = [
    { what: "idle demo bench: host CPU", ours: `${(((after.cpu - before.cpu) / seconds) * 100).toFixed(1)} % of a core`, target: "≤ 2 %" },
    { what: "idle demo bench: host RSS", ours: `${(after.rss / 1e6).toFixed(0)} MB`, target: "≤ 60 MB" },
  ];
  if (server) rows.push({ what: "idle server RSS", ours: `${(usage(server.pid).rss / 1e6).toFixed(1)} MB`, target: "≤ 15 MB" });
  return rows;
}
