"""Debian's aiosmtpd on a free port: what it takes is printed as a line of JSON; what is for refused@… and later@… is refused.
With a certificate and its key: STARTTLS on that port is a must, and on another one TLS comes first."""
import email, email.policy, json, socket, ssl, sys
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


def start(**options):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    controller = Controller(Taker(), hostname="127.0.0.1", port=port, **options)
    controller.start()
    return controller


if len(sys.argv) > 2:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    controllers = [start(tls_context=tls, require_starttls=True), start(ssl_context=tls)]
else:
    controllers = [start()]
print(json.dumps({"port": controllers[0].port, "tls": controllers[-1].port}), flush=True)
sys.stdin.read()
for controller in controllers:
    controller.stop()
