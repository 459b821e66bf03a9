"""labgrid drives a board of Testbed: labgrid_board.py ENV.yaml. Its target comes from docs/labgrid."""
import json, sys, urllib.request

from labgrid import Environment

env = Environment(sys.argv[1])
target = env.get_target()
place = target.get_resource("TestbedPlace")
uboot = target.get_driver("UBootDriver", activate=False)
power = target.get_driver("TestbedPowerDriver")


def lease():
    with urllib.request.urlopen(f"{place.url}/host/devices/{place.device}/lease") as answer:
        return json.load(answer)


target.get_driver("TestbedConsoleDriver")  # what the board says first is not missed
held = lease()
power.cycle()
target.activate(uboot)
version = uboot.run_check("version")
echo = [uboot.run_check(f"echo hello-{i}") for i in range(3)]
dump = uboot.run_check("md.b 0 0x200")
on = power.get()
target.deactivate(uboot)
power.off()
off = power.get()
env.cleanup() if hasattr(env, "cleanup") else target.cleanup()
print(json.dumps({"held": held, "version": version, "echo": echo, "dump": len(dump), "on": on, "off": off, "after": lease()}))
