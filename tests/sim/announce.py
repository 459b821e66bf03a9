# Devices of a lab as they announce themselves by mDNS, with python3-zeroconf, which is not ours.
#   announce.py ADDRESS      then, on stdin: "bye NAME" takes one back
import socket
import sys

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
