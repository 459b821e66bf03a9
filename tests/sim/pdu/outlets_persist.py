"""Outlets of a simulated PDU for net-snmp's snmpd (`pass_persist OID python3 outlets_persist.py OID COUNT`): SIMULATOR, no real PDU was
recorded. An outlet is 1 (on) or 2 (off); see snmpd.conf(5) for the lines."""
import sys

base, count = sys.argv[1], int(sys.argv[2])
outlets = {n: "2" for n in range(1, count + 1)}


def number(oid):
    rest = oid[len(base) + 1 :] if oid.startswith(base + ".") else ""
    return int(rest) if rest.isdigit() else 0


def line():
    return sys.stdin.readline().strip()


for command in iter(sys.stdin.readline, ""):
    command = command.strip()
    if not command:  # ends a set
        continue
    if command == "PING":
        answer = "PONG"
    else:
        n = number(line()) + (command == "getnext")
        if command == "set":
            value = line().split()[-1]
            answer = "DONE" if n in outlets else "no-creation"
            if n in outlets:
                outlets[n] = value
        else:
            answer = f"{base}.{n}\ninteger\n{outlets[n]}" if n in outlets else "NONE"
    print(answer, flush=True)
