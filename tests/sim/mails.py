"""Debian's aiosmtpd on a free port: what it takes is printed as a line of JSON; what is for refused@… and later@… is refused."""
import email, email.policy, json, sys, threading
from aiosmtpd.controller import Controller


class Taker:
    later = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 no such user"
        if address.startswith("later@") and Taker.later < 1:
            Taker.later += 1
            return "451 try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "subject": mail["Subject"], "text": mail.get_content(), "id": mail["Message-ID"]}), flush=True)
        return "250 OK"


controller = Controller(Taker(), hostname="127.0.0.1", port=0)
controller.port = 0
import socket

with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    controller.port = s.getsockname()[1]
controller.start()
print(json.dumps({"port": controller.port}), flush=True)
sys.stdin.read()
controller.stop()
