"""The end of a run waits for telemetry a little, and not for an endpoint that is silent."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared import limits
from shared.settings import TelemetrySettings
from shared.telemetry import exporting
from shared.telemetry.providers import Flush
from tests.doubles import faulty
from tests.doubles.faulty import Fault, Faulty

SHORT = timedelta(seconds=0.3)


def test_what_is_sent_in_time_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[int] = []

    Flush(lambda: sent.append(1), limit=timedelta(seconds=60))()

    assert sent == [1]
    assert caplog.messages == []


def test_what_is_not_sent_in_time_is_left_and_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answered = threading.Event()
    started: list[int] = []

    def send() -> None:
        started.append(1)
        answered.wait()

    flush = Flush(send, limit=SHORT)
    began = time.monotonic()
    flush()
    flush()
    answered.set()

    assert time.monotonic() - began < 10  # `send` would wait for ever.
    assert started == [1]
    assert caplog.messages == ["Telemetry was not sent within 0.3 s; the run no longer waits for it."] * 2


def test_messages_that_end_at_the_same_time_do_not_fail() -> None:
    together = threading.Barrier(3)
    flush = Flush(lambda: None)
    errors: list[Exception] = []

    def end_messages() -> None:
        for _ in range(300):
            together.wait()
            try:
                flush()
            except RuntimeError as error:
                errors.append(error)

    with ThreadPoolExecutor(3) as threads:
        for _ in range(3):
            threads.submit(end_messages)

    assert errors == []


@pytest.mark.parametrize("fault", ["silent", "unavailable", "trickles"])
def test_an_endpoint_that_misbehaves_holds_the_end_of_a_run_for_the_limit_at_most(fault: Fault) -> None:
    with Faulty(fault=fault) as endpoint:
        connection_string = (
            "InstrumentationKey=5a5e0000-0000-4000-8000-000000000001;"
            f"IngestionEndpoint=http://127.0.0.1:{endpoint.port}/"
        )
        telemetry = exporting.open_telemetry(
            TelemetrySettings(connection_string, printing="off", trace_percentage=100)
        )
        with telemetry.run("publish_readings"):
            telemetry.count_published_days(1)

        with faulty.at_most(limits.FLUSH.total_seconds()):
            telemetry.flush()

    telemetry.close()
