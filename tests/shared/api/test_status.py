"""Freshness in /status."""

from datetime import UTC, datetime, timedelta

from shared.api import status
from shared.publishing.watermark import Publication

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def published(at: datetime) -> Publication:
    return Publication(7, at, datetime(2026, 11, 21, 23, tzinfo=UTC), {})


def test_a_moment_ahead_of_now_is_unknown_and_never_fresh() -> None:
    found = status.freshness(
        published(NOW + timedelta(days=365)), synced_at=NOW + timedelta(hours=1), now=NOW
    )

    assert found["lastPublishedAt"] is None
    assert found["accessSyncedAt"] is None
    assert found["dataAvailableUntil"] == "2026-11-22T00:00:00+01:00"


def test_a_clock_that_is_a_little_ahead_is_believed() -> None:
    found = status.freshness(published(NOW + timedelta(minutes=1)), synced_at=NOW, now=NOW)

    assert found["lastPublishedAt"] == "2026-11-22T12:01:00Z"
    assert found["accessSyncedAt"] == "2026-11-22T12:00:00Z"
