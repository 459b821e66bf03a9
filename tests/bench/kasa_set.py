"""What a command line for Kasa plugs does: one outlet of a strip, by the vectors of tests/sim/plugs/. `kasa_set.py PORT OUTLET 0|1`"""
import json, socket, struct, sys

port, outlet, state = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
DEVICE = "8006231E1499BAC4D4BC7EFCD4B075181E6393F2"
text = json.dumps({"context": {"child_ids": [f"{DEVICE}{outlet:02d}"]}, "system": {"set_relay_state": {"state": state}}})
key, hidden = 171, bytearray()
for byte in text.encode():
    key ^= byte
    hidden.append(key)
with socket.create_connection(("127.0.0.1", port), 5) as s:
    s.sendall(struct.pack(">I", len(hidden)) + hidden)
    sys.exit(0 if len(s.recv(4096)) > 4 else 1)
