"""A device of Testbed as labgrid sees it: reserved by its lease, switched and typed on as its holder. Standard library and labgrid.

imports: [testbed_labgrid.py] in the environment file; docs/LABGRID.md has one."""
import json
import threading
import urllib.error
import urllib.request

import attr

from labgrid import target_factory
from labgrid.driver.common import Driver
from labgrid.driver.exception import ExecutionError
from labgrid.driver.serialdriver import SerialDriver
from labgrid.protocol import PowerProtocol, ResetProtocol
from labgrid.resource.common import Resource


@target_factory.reg_resource
@attr.s(eq=False)
class TestbedPlace(Resource):
    """url: of the host, or of it behind a pairing server (https://SERVER/api/hosts/NAME); wait_s: how long to queue for it."""

    url = attr.ib(validator=attr.validators.instance_of(str))
    device = attr.ib(validator=attr.validators.instance_of(str))
    token = attr.ib(default="", validator=attr.validators.instance_of(str))
    ttl_s = attr.ib(default=60, validator=attr.validators.instance_of(int))
    wait_s = attr.ib(default=0, validator=attr.validators.instance_of(int))
    power = attr.ib(default="power", validator=attr.validators.instance_of(str))
    note = attr.ib(default="labgrid", validator=attr.validators.instance_of(str))


@target_factory.reg_driver
@attr.s(eq=False)
class TestbedLeaseDriver(Driver):
    """The device is ours while this is active. The lease ends by itself soon after we do, however we end."""

    bindings = {"place": TestbedPlace}

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.lease = None
        self._stop = None

    def ask(self, method, path, body=None, timeout=30):
        headers = {"Content-Type": "application/json"}
        if self.place.token:
            headers["Authorization"] = "Bearer " + self.place.token
        if self.lease:
            headers["X-Lease"] = self.lease
        url = "{}/host/devices/{}/{}".format(self.place.url.rstrip("/"), self.place.device, path)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read() or b"{}")
            raise ExecutionError("{}: {}".format(self.place.device, problem.get("detail", error))) from error

    def on_activate(self):
        wait = self.place.wait_s
        body = {"ttl_s": self.place.ttl_s, "note": self.place.note}
        if wait:
            body["wait_s"] = wait
        self.lease = self.ask("POST", "lease", body, timeout=wait + 30)["lease"]
        self._stop = threading.Event()
        threading.Thread(target=self._renew, args=(self._stop,), daemon=True).start()

    def _renew(self, stop):
        while not stop.wait(self.place.ttl_s / 3):
            try:
                self.ask("PUT", "lease")
            except (ExecutionError, OSError) as error:  # the next command says it, too
                self.logger.warning("the lease was not renewed: %s", error)

    def on_deactivate(self):
        self._stop.set()
        try:
            self.ask("DELETE", "lease")
        finally:
            self.lease = None


@target_factory.reg_driver
@attr.s(eq=False)
class TestbedPowerDriver(Driver, PowerProtocol, ResetProtocol):
    """Answers when the host has read the state back."""

    bindings = {"lease": TestbedLeaseDriver}
    delay = attr.ib(default=2.0, validator=attr.validators.instance_of(float))

    def _set(self, state):
        self.lease.ask("PUT", self.lease.place.power, {"state": state}, timeout=90)

    @Driver.check_active
    def on(self):
        self._set("on")

    @Driver.check_active
    def off(self):
        self._set("off")

    @Driver.check_active
    def cycle(self):
        self.lease.ask("POST", self.lease.place.power + "/cycle", {"off_s": self.delay}, timeout=self.delay + 90)

    @Driver.check_active
    def reset(self):
        self.cycle()

    @Driver.check_active
    def get(self):
        observed = self.lease.ask("GET", self.lease.place.power)["observed"]
        if observed == "unknown":
            raise ExecutionError("{}: whether it is on cannot be observed".format(self.lease.place.device))
        return observed == "on"


@target_factory.reg_driver
@attr.s(eq=False)
class TestbedConsoleDriver(SerialDriver):
    """A NetworkSerialPort (RFC 2217) on which the holder of the lease may write."""

    bindings = {"port": {"NetworkSerialPort"}, "lease": TestbedLeaseDriver}

    def open(self):
        super().open()
        place = self.lease.place
        shown = "token=" + place.token if place.token else "lease=" + self.lease.lease
        self.serial.rfc2217_send_subnegotiation(b"\x00", shown.encode())
