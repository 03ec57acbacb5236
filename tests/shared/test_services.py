"""What an app that cannot load says."""

from datetime import UTC, datetime

import pytest

from shared import services
from shared.settings import InvalidSettings


def test_an_app_with_a_wrong_setting_says_what_happens_and_where_to_look(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WAREHOUSE_POOL_SIZE", "abc")

    with pytest.raises(InvalidSettings) as caught:
        services.load(clock=lambda: datetime.now(UTC))

    [line] = caplog.messages
    assert "every path is answered with 404" in line
    assert "WAREHOUSE_POOL_SIZE must be a number" in line
    assert "docs/deploy.md" in caught.value.__notes__[0]
