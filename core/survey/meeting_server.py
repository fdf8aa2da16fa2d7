"""Serves one meeting at a time from a thread of this process, on one address of this machine."""

import contextlib
import ipaddress
import socket
import threading

import uvicorn

from core.errors import SurveyError
from core.survey.meeting import Find, Meeting, Save
from core.survey.meeting_form import Sheet

THIS_MACHINE = "127.0.0.1"
ELSEWHERE = ("192.0.2.1", "192.168.0.1", "10.0.0.1", "172.16.0.1")  # anything outside, and the usual local networks
MOST_CONNECTIONS = 500  # a phone opens up to six
PATIENCE = 5  # seconds for open connections to end
ENDED_HERE = "It was ended here."


class Hall:
    """Where meetings take place: one at a time. `meeting` is the last one, whether it is over or not."""

    def __init__(self):
        self.meeting: Meeting | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def begin(self, address: str, sheet: Sheet, save: Save, find: Find) -> Meeting:
        """Serve a new meeting on a free port of `address`, one of this machine. SurveyError where another one is on, or
        the address cannot be used."""
        with self._lock:
            if self.meeting and not self.meeting.over:
                raise SurveyError("Another meeting is on.", "End it first.")
            listening = _listen(address)
            host = f"{address}:{listening.getsockname()[1]}"
            self.meeting = Meeting(sheet, host, save, find)
            server = _Server(self.meeting)
            self._thread = threading.Thread(target=server.run, args=([listening],), name="meeting", daemon=True)
            self._thread.start()
            return self.meeting

    def end(self) -> None:
        """End the meeting that is on, if any, and free its port."""
        with self._lock:
            if self.meeting:
                self.meeting.end(ENDED_HERE)
                self._thread.join(PATIENCE)


class _Server(uvicorn.Server):
    """Stops by itself when its meeting is over. In a thread uvicorn leaves the signals of the process alone."""

    def __init__(self, meeting: Meeting):
        config = uvicorn.Config(
            meeting, loop="asyncio", http="h11", ws="none", lifespan="off", log_config=None, log_level=None,
            access_log=False, proxy_headers=False, server_header=False, date_header=False,
            limit_concurrency=MOST_CONNECTIONS, timeout_graceful_shutdown=1,
        )  # fmt: skip
        super().__init__(config)
        self.meeting = meeting

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self.meeting.over


def _listen(address: str) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.bind((address, 0))
        listening.listen()  # phones wait from now on, even before the thread runs
    except OSError as error:
        listening.close()
        raise SurveyError(
            f"The address {address} cannot be used ({error.strerror or error}).",
            "The machine may have changed networks: reload the page and choose again.",
        ) from None
    return listening


def local_addresses() -> list[str]:
    """The IPv4 addresses under which other machines may reach this one, the one of the default route first. Nothing is
    sent: to connect a UDP socket only asks the system which address it would use."""
    found = []
    for there in ELSEWHERE:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect((there, 9))
            found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [one for one in dict.fromkeys(found) if _is_reachable(ipaddress.ip_address(one))]


def is_private(address: str) -> bool:
    """Whether an address belongs to a local network; a public one can be reached from anywhere unless a firewall
    forbids it."""
    return ipaddress.ip_address(address).is_private


def _is_reachable(address: ipaddress.IPv4Address) -> bool:
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)
