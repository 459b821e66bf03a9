// Plug -> event on the bus: QMP device_add in the lab until the event has come through Server-Sent Events outside of
// it. The kernel's own part (debounce, reset, descriptors) is in it, and so is TCG, which runs the guest's kernel some
// ten times slower than the machine would.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, sse } from '../integration/harness.mjs';
import { Rig, build } from '../rig/rig.mjs';

const CYCLES = Number(process.env.TB_RIG_CYCLES || 100);

export default async function bench() {
  build();
  const rig = await Rig.boot({
    cameras: 0,
    files: { '/etc/testbed/host.yaml': readFileSync(join(ROOT, 'tests/rig/guest/host.yaml')) },
  });
  try {
    await rig.hostReady();
    const events = await sse(rig.url, '/host/events?type=usb.*');
    const next = (type, from) =>
      events.find((e) => e.data.type === type && e.data.data.port === '1-3', { from, ms: 20000, what: type });
    const ms = [];
    for (let i = 0; i < CYCLES; i++) {
      const from = events.items.length,
        start = process.hrtime.bigint();
      await rig.plug(`cycle${i}`, 'usb-tablet', '3');
      await next('usb.added', from);
      ms.push(Number(process.hrtime.bigint() - start) / 1e6);
      await next('usb.bound', from);
      await rig.unplug(`cycle${i}`);
      await next('usb.removed', from);
    }
    events.stop();
    ms.sort((a, b) => a - b);
    const at = (p) => Math.round(ms[Math.min(ms.length - 1, Math.floor(p * ms.length))]);
    return [
      {
        what: `rig: plug → event, ${CYCLES} cycles`,
        ours: `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, ${CYCLES - ms.length} missed`,
        target: 'p95 ≤ 1 s, none missed',
        met: at(0.95) <= 1000 && ms.length === CYCLES,
        rounds: CYCLES,
      },
    ];
  } catch (error) {
    error.message += `\ndaemon: ${rig.hostLog().slice(-1500)}\nkernel: ${rig.bootLog.slice(-500)}`;
    throw error;
  } finally {
    await rig.stop();
  }
}
