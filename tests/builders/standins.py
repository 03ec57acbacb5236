"""The Severa and Graph stand-ins on a real socket, in a thread, in a time that passes only by sleeping."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn

from local import demo
from local.standins import app, data
from shared.settings import DirectorySettings, SeveraSettings

HOST = "127.0.0.1"
START = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


class Time:
    """Passes only when somebody sleeps; shared by the reader and the stand-in, so nobody waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds
            self.slept.append(seconds)

    def monotonic(self) -> float:
        with self._lock:
            return self._seconds

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())


@dataclass
class Service:
    """The running stand-ins."""

    url: str
    time: Time
    control: httpx.Client

    def severa_settings(self, **changes: str) -> SeveraSettings:
        """Return settings of a reader of the stand-in."""
        settings = {
            "base_url": f"{self.url}/severa/rest-api",
            "client_id": demo.SEVERA_CLIENT_ID,
            "client_secret": demo.SEVERA_CLIENT_SECRET,
            "client_ids_property": data.CLIENT_IDS,
            "metering_points_property": data.METERING_POINTS,
            "contact_role": data.CONTACT_ROLE,
        }
        return SeveraSettings(**{**settings, **changes})

    def directory_settings(self, provisioning: Any = "report") -> DirectorySettings:
        """Return settings of a client that asks the stand-in for users."""
        return DirectorySettings(
            provisioning=provisioning,
            graph_base_url=f"{self.url}/graph/v1.0",
            invite_redirect_url="https://portal.example",
            api_app_id=demo.API_CLIENT_ID,
        )

    def put_severa(self, **content: object) -> None:
        """Replace Severa's data."""
        self._control("PUT", "severa", content)

    def put_graph(self, **content: object) -> None:
        """Replace the directory."""
        self._control("PUT", "graph", content)

    def order(self, kind: str, path: str, **details: object) -> None:
        """Order a fault for requests to `path` of either service."""
        self._control("POST", "faults", {"kind": kind, "path": path, **details})

    def reset(self) -> None:
        """Restore the demo data, without faults."""
        self._control("POST", "reset", {})

    def requests(self) -> dict[str, Any]:
        """Return what was asked since the last reset."""
        answer = self.control.get("/control/requests").raise_for_status().json()
        assert isinstance(answer, dict)
        return answer

    def graph(self) -> dict[str, Any]:
        """Return the directory as it is now."""
        answer = self.control.get("/control/graph").raise_for_status().json()
        assert isinstance(answer, dict)
        return answer

    def _control(self, method: str, name: str, content: object) -> None:
        answer = self.control.request(method, f"/control/{name}", json=content)
        assert answer.status_code == 204, answer.text


@contextmanager
def running(monotonic: Callable[[], float] | None = None) -> Iterator[Service]:
    """Yield the stand-ins with demo data on a free port; time passes by sleeping, or as `monotonic` says."""
    time = Time()
    standins = app.Standins(
        severa_data=data.demo_severa(), graph_data=data.demo_graph(), monotonic=monotonic or time.monotonic
    )
    server = uvicorn.Server(uvicorn.Config(standins, log_level="critical", access_log=False))
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            url = f"http://{HOST}:{listener.getsockname()[1]}"
            with httpx.Client(base_url=url) as control:
                yield Service(url, time, control)
        finally:
            server.should_exit = True
            thread.join()
