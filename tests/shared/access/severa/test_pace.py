"""The pace that threads share."""

from concurrent.futures import ThreadPoolExecutor

from shared.access.severa.session import Pace
from tests.builders.standins import Time


def test_calls_are_evenly_spaced_from_the_first() -> None:
    time = Time()
    pace = Pace(per_second=8, monotonic=time.monotonic, sleep=time.sleep)

    starts = []
    for _ in range(4):
        pace.wait()
        starts.append(time.monotonic())

    assert starts == [0, 0.125, 0.25, 0.375]


def test_an_idle_time_is_not_saved_up_for_a_burst() -> None:
    time = Time()
    pace = Pace(per_second=8, monotonic=time.monotonic, sleep=time.sleep)
    time.sleep(60)

    pace.wait()
    pace.wait()

    assert time.monotonic() == 60.125


def test_a_pause_holds_back_everybody() -> None:
    time = Time()
    pace = Pace(per_second=8, monotonic=time.monotonic, sleep=time.sleep)
    pace.pause(5)
    pace.pause(1)

    pace.wait()

    assert time.monotonic() == 5


def test_threads_keep_the_pace_together() -> None:
    time = Time()
    pace = Pace(per_second=8, monotonic=time.monotonic, sleep=time.sleep)

    with ThreadPoolExecutor(6) as executor:
        for future in [executor.submit(pace.wait) for _ in range(81)]:
            future.result()

    assert time.monotonic() >= 9.999
