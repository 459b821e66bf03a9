// WebRTC of the media room alone (tests/tools/media_room.c, a drawn full-motion 720p30 picture) in headless Chromium: painted -> displayed by the time that is
// painted into the picture, offer -> first frame (100 viewers of a stream that runs, 40 that start it), CPU of each further viewer. Everything runs on this machine: its load is in the figures.
import { Room, chromium, percentile } from "../e2e/media-lib.mjs";
import { sleep, until } from "./lib.mjs";

const MEASURE_S = 8;

async function cores(room) {
  const before = (await room.ask({ do: "stats" })).cpu_s;
  await sleep(MEASURE_S * 1000); // lint: tests - measured over a length of time
  return ((await room.ask({ do: "stats" })).cpu_s - before) / MEASURE_S;
}

/** Milliseconds from a viewer's wish to its first picture, `n` times; each after `settled`. */
async function firstFrames(room, viewer, n, settled) {
  const times = [];
  for (let i = 0; i < n; i++) {
    await until("the viewer before has gone", settled);
    await viewer.join("next", { codec: "H264" });
    await viewer.until("next", "v.frames > 0");
    times.push((await viewer.get("next", "first")) - (await viewer.get("next", "asked")));
    await viewer.leave("next");
  }
  return times;
}

export default async function bench() {
  const room = new Room(["--pattern", "clock"]);
  await room.ready;
  const viewer = await chromium(room);
  try {
    const starting = await firstFrames(room, viewer, 40, async () => (await room.ask({ do: "stats" })).hub.state === "idle");
    await viewer.join("zero", { codec: "H264" });
    await viewer.until("zero", "v.frames > 0");
    const running = await firstFrames(room, viewer, 100, async () => (await room.ask({ do: "stats" })).peers.length === 1);
    await viewer.leave("zero");
    await viewer.join("one", { codec: "H264" });
    await viewer.until("one", "v.frames > 60");
    await viewer.set("one", "measure", true);
    await viewer.until("one", "v.latencies.length >= 300");
    const latencies = await viewer.get("one", "latencies");
    await viewer.set("one", "measure", false);
    const one = await cores(room);
    for (const name of ["two", "three", "four"]) await viewer.join(name, { codec: "H264" });
    await viewer.until("four", "v.frames > 30");
    const further = ((await cores(room)) - one) / 3;
    const row = (what, values, [most50, most95], target) => {
      const [p50, p95] = [percentile(values, 50), percentile(values, 95)];
      return { what: `${what}, p50 / p95`, ours: `${p50.toFixed(0)} / ${p95.toFixed(0)} ms`, target, met: p50 <= most50 && p95 <= most95, rounds: values.length };
    };
    return [
      row("a drawn 720p30 picture by WebRTC, drawn → displayed in Chromium", latencies, [20, 35], "≤ 20 / 35 ms"),
      row("WebRTC, offer → first decoded frame, stream runs already", running, [Infinity, 400], "p95 ≤ 400 ms"),
      row("… the first viewer starts the source", starting, [Infinity, 400], "p95 ≤ 400 ms"),
      { what: "CPU of each further viewer of one 720p30 stream", ours: `${(further * 100).toFixed(1)} % of a core (the first: ${(one * 100).toFixed(0)} %)`, target: "≤ 3 %", met: further <= 0.03, rounds: 1 },
    ];
  } finally {
    await viewer.close();
    await room.stop();
  }
}
