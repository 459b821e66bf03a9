"""Both ends of consoles for consoles.bench.mjs: ptys as the devices, TCP connections as their clients.

usage: consoles_load.py CONSOLES CLIENTS BYTES. Prints the names of the lines as JSON, reads the TCP ports as JSON, then each device
prints BYTES, and the clients of each console together send as many; prints what arrived as JSON."""
import json, os, select, socket, sys, time, tty

N, CLIENTS, SIZE = (int(a) for a in sys.argv[1:4])
PRINTED = bytes(32 + (i * 7 + (i >> 8)) % 95 for i in range(SIZE))
EACH = SIZE // CLIENTS
# client k says bytes k * 64 + 1 to k * 64 + 63 in turn, so its share is known among the others'
SAID = [bytes(k * 64 + 1 + i % 63 for i in range(EACH)) for k in range(CLIENTS)]


class End:
    def __init__(self, fd, to_send):
        self.fd, self.left, self.got = fd, memoryview(to_send), bytearray()
        os.set_blocking(fd, False)


def main():
    lines = [os.openpty() for _ in range(N)]
    for _, slave in lines:
        tty.setraw(slave)
    print(json.dumps([os.ttyname(slave) for _, slave in lines]), flush=True)
    ports = json.loads(sys.stdin.readline())
    sockets = [[socket.create_connection(("127.0.0.1", p)) for _ in range(CLIENTS)] for p in ports]
    time.sleep(1)  # each is taken in: what is printed before is not for it
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.monotonic()
    devices = [End(master, PRINTED) for master, _ in lines]
    clients = [[End(s.fileno(), SAID[k]) for k, s in enumerate(of)] for of in sockets]
    poll, ends = select.epoll(), {}
    for end in devices + [c for of in clients for c in of]:
        ends[end.fd] = end
        poll.register(end.fd, select.EPOLLIN | select.EPOLLOUT)
    missing = sum(SIZE for _ in devices) + sum(SIZE for of in clients for _ in of)
    last = time.monotonic()
    while missing > 0 and time.monotonic() - last < 5:
        for fd, events in poll.poll(0.5):
            end = ends[fd]
            if events & select.EPOLLIN:
                data = os.read(fd, 65536)
                end.got += data
                missing -= len(data)
                last = time.monotonic()
            if events & select.EPOLLOUT and end.left:
                end.left = end.left[os.write(fd, end.left[:4096]) :]
            if events & select.EPOLLOUT and not end.left:
                poll.modify(fd, select.EPOLLIN)
            if events & (select.EPOLLHUP | select.EPOLLERR):
                poll.unregister(fd)
    whole = sum(c.got == PRINTED for of in clients for c in of)
    taken = sum(bytes(b for b in d.got if b >> 6 == k) == SAID[k] for d in devices for k in range(CLIENTS))
    print(json.dumps({"whole": whole, "taken": taken, "missing": missing, "s": last - begin}), flush=True)


main()
