"""A relay board on a pty: SIMULATOR, written from what the makers say of their boards (see README.md), not from the driver.
board.py lcus|lcus-dumb|numato|kmtronic|kmtronic4: prints the pty's path; each line on stdin is answered by one line:
`relays` (the relays that are closed, by their numbers), `mute` / `speak`, `stuck` / `free` (switches nothing), `chatter` (says something unasked).
Ends when stdin does."""
import os, re, select, sys, tty

kind = sys.argv[1]
master, slave = os.openpty()
tty.setraw(slave)
closed, mute, stuck = set(), False, False


def say(data):
    if not mute:
        os.write(master, data)


def switch(relay, on):
    if not stuck:
        (closed.add if on else closed.discard)(relay)


def lcus(data):  # 4 relays. A0 relay operation sum; FF: the one board answers a line for each relay, the other nothing
    while data:
        if data[0] == 0xFF:
            if kind == "lcus":
                for n in range(1, 5):  # a line at a time, as the UART sends them
                    say(b"CH%d: %s \r\n" % (n, b"ON" if n in closed else b"OFF"))
            data = data[1:]
        elif data[0] != 0xA0:
            data = data[1:]
        elif len(data) < 4:
            return data
        else:
            if data[3] == sum(data[:3]) & 0xFF and 1 <= data[1] <= 4 and data[2] <= 1:
                switch(data[1], data[2] == 1)
            data = data[4:]
    return data


def numato(data):  # 16 relays, sends back what it gets, then the answer, then a prompt
    while b"\r" in data:
        line, data = data.split(b"\r", 1)
        say(line + b"\n\r")
        word = re.fullmatch(rb"\n?relay (on|off|read) ([0-9A-F])", line)
        if word and word[1] == b"read":
            say((b"on" if int(word[2], 16) in closed else b"off") + b"\n\r")
        elif word:
            switch(int(word[2], 16), word[1] == b"on")
        say(b">")
    return data


def kmtronic(data):  # FF relay 0|1; FF relay 03 asks one (boards of 1 and 2), FF 09 00 asks all (boards of 4 and 8)
    relays = 4 if kind == "kmtronic4" else 2
    while len(data) >= 3:
        if data[0] != 0xFF:
            data = data[1:]
            continue
        _, relay, what = data[:3]
        data = data[3:]
        if relays == 4 and (relay, what) == (9, 0):
            say(bytes(int(n in closed) for n in range(1, 5)))
        elif 1 <= relay <= relays and what <= 1:
            switch(relay, what == 1)
        elif 1 <= relay <= relays and what == 3 and relays == 2:
            say(bytes([0xFF, relay, int(relay in closed)]))
    return data


speak = {"l": lcus, "n": numato, "k": kmtronic}[kind[0]]
print(os.ttyname(slave), flush=True)
rest = b""
while True:
    for fd in select.select([0, master], [], [])[0]:
        if fd == master:
            rest = speak(rest + os.read(master, 4096))
            continue
        line = sys.stdin.readline().strip()
        if not line:
            sys.exit()
        if line in ("mute", "speak"):
            mute = line == "mute"
        elif line in ("stuck", "free"):
            stuck = line == "stuck"
        elif line == "chatter":
            say(b"CH1: OFF \r\nrelay read 0\n\roff\n\r>\xff\x01\x00")
        print(" ".join(str(n) for n in sorted(closed)) if line == "relays" else "ok", flush=True)
