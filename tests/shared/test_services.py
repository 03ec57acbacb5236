"""What an app that cannot load says."""

from datetime import UTC, datetime

import pytest

from shared import services
from shared.settings import InvalidSettings


def test_an_app_with_a_wrong_setting_says_what_happens_and_where_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAREHOUSE_POOL_SIZE", "abc")

    with pytest.raises(InvalidSettings) as caught:
        services.load(clock=lambda: datetime.now(UTC))

    assert "- WAREHOUSE_POOL_SIZE must be a number" in str(caught.value)
    assert "every path is answered with 404: docs/deploy.md, step 8." in str(caught.value)
