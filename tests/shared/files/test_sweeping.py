"""How a sweep continues after work that fails."""

import pytest

from shared.access.grants import AccessTooOld
from shared.files import sweeping
from shared.outside.transports import StorageUnavailable
from shared.tables import TablesUnavailable, UnreadableValue


@pytest.mark.parametrize("error", [AccessTooOld, StorageUnavailable, TablesUnavailable])
def test_a_service_that_is_away_ends_the_sweep(error: type[Exception]) -> None:
    with pytest.raises(error), sweeping.alone("the feeds of app:1"):
        raise error("away")


@pytest.mark.parametrize("error", [UnreadableValue, ValueError])
def test_any_other_error_is_logged_and_the_sweep_continues(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise error("broken")

    with sweeping.alone("the feeds of app:1"):
        fail()

    assert caplog.messages == ["Skipped after an error: the feeds of app:1."]
