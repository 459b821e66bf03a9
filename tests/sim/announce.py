# Devices of a lab: announced by mDNS with python3-zeroconf, which is not ours; and simulated answers to a broadcast.
#   announce.py ADDRESS      then, on stdin: "bye NAME" takes one back
import socket
import sys
import threading

from zeroconf import ServiceInfo, Zeroconf

DEVICES = [
    ('_shelly._tcp', 'shellyplus1pm-a8032ab12345', 80, {'gen': '2', 'app': 'Plus1PM', 'ver': '1.0.3'}, 0),
    ('_http._tcp', 'shellyplus1pm-a8032ab12345', 80, {'gen': '2'}, 0),
    ('_http._tcp', 'tasmota-4F2A10-2576', 80, {'devicetype': 'tasmota'}, 1),
    ('_http._tcp', 'printer', 80, {}, 2),
    ('_esphomelib._tcp', 'kitchen', 6053, {'friendly_name': 'Kitchen plug', 'mac': 'a8032ab12346'}, 3),
    ('_rfb._tcp', 'Lab PC', 5901, {}, 4),
]


def info(kind, name, port, texts, number):
    base, _, last = sys.argv[1].rpartition('.')
    address = f'{base}.{int(last) + number}'
    return ServiceInfo(
        f'{kind}.local.',
        f'{name}.{kind}.local.',
        addresses=[socket.inet_aton(address)],
        port=port,
        properties=texts,
        server=f'{name.replace(" ", "-")}.local.',
    )


# Who answers a broadcast: a Kasa strip (python-kasa's XOR), and a telescope, which wants to be asked from its own port.
def hidden(data, key=171):
    out = bytearray()
    for byte in data:
        key ^= byte
        out.append(key)
    return bytes(out)


KASA = (
    b'{"system":{"get_sysinfo":{"err_code":0,"alias":"Rack","model":"HS300(US)","mac":"50:C7:BF:00:00:01",'
    b'"children":[{"id":"00","alias":"a","state":1},{"id":"01","alias":"b","state":0}]}}}'
)
SEESTAR = (
    b'{"jsonrpc":"2.0","method":"scan_iscope","result":{"product_model":"Seestar S50","sn":"abcd1234",'
    b'"is_verified":true},"code":0,"id":201}\r\n'
)


def answers(port, is_question, answer):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('', port))

    def run():
        while True:
            data, sender = sock.recvfrom(4096)
            if is_question(data, sender):
                sock.sendto(answer, sender)

    threading.Thread(target=run, daemon=True).start()


answers(9999, lambda data, _: data == hidden(b'{"system":{"get_sysinfo":{}}}'), hidden(KASA))
answers(4720, lambda data, sender: b'"scan_iscope"' in data and sender[1] == 4720, SEESTAR)

zeroconf = Zeroconf(interfaces=[sys.argv[1]])
services = [info(*device) for device in DEVICES]
for service in services:
    zeroconf.register_service(service, cooperating_responders=True)
print('announced', flush=True)
for line in sys.stdin:
    word, _, name = line.strip().partition(' ')
    for service in services:
        if word == 'bye' and service.name.startswith(name):
            zeroconf.unregister_service(service)
zeroconf.close()
