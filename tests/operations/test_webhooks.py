"""What operators see of webhooks, and how they enable one again."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from operations import webhooks
from shared import tables
from shared.notices.store import Store
from shared.notices.webhooks import Event, NoticeStatus, State, Webhook, new_notice
from tests.operations.test_commands import ON_THE_ENVIRONMENT, command

OWNER = "app:5a5e0000-0000-4000-8000-000000000001"
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
WEBHOOK = Webhook(
    principal=OWNER,
    webhook_id="main",
    url="https://hooks.example.com/path-with-a-token",
    events=(Event.PUBLISHED, Event.FILE_READY),
    state=State.ACTIVE,
    secret="sealed-secret",
    created_at=NOW - timedelta(days=9),
    confirmed_at=NOW - timedelta(days=9),
)
DISABLED = replace(
    WEBHOOK,
    webhook_id="old",
    state=State.DISABLED,
    failing_since=NOW - timedelta(days=5),
    disabled_at=NOW,
    disabled_reason="No notice was taken for five days; the last attempt was answered 500.",
)


@pytest.fixture
def kept(table_storage: str) -> Store:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    made = Store(storage)
    for each in (WEBHOOK, DISABLED):
        made.add_webhook(each)
    return made


def console() -> Console:
    return Console(file=io.StringIO(), width=300)


def text(out: Console) -> str:
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def words(out: Console) -> Sequence[Sequence[str]]:
    """Return the lines that were printed, each as its words."""
    return [line.split() for line in text(out).splitlines()]


def found(kept: Store, webhook_id: str) -> Webhook:
    webhook = kept.webhook(OWNER, webhook_id)
    assert webhook is not None
    return webhook


def test_all_webhooks_are_listed_with_the_reason_of_a_disabled_one(kept: Store) -> None:
    out = console()

    assert webhooks.show_all(kept, None, out=out) == 0

    _, active, disabled = words(out)
    assert active == [
        *(OWNER, "main", "hooks.example.com", "metering.published,", "feed.file-ready", "active"),
        *("2026-11-13", "06:00", "UTC"),
    ]
    assert disabled[5:9] == ["disabled", "2026-11-22", "06:00", "UTC"]
    assert " ".join(disabled[9:]) == DISABLED.disabled_reason


def test_neither_secrets_nor_paths_are_printed(kept: Store) -> None:
    out = console()

    webhooks.show_all(kept, OWNER, out=out)
    webhooks.show(kept, OWNER, "main", now=NOW, out=out)

    assert "hooks.example.com" in text(out)
    assert "secret" not in text(out)
    assert "token" not in text(out)


def test_a_principal_without_webhooks_has_none(kept: Store) -> None:
    out = console()

    assert webhooks.show_all(kept, "app:other", out=out) == 0

    assert text(out) == "app:other has no webhooks.\n"


def test_one_webhook_is_shown_with_its_attempts(kept: Store) -> None:
    kept.change_webhook(OWNER, "main", lambda stored: replace(stored, failing_since=NOW - timedelta(hours=1)))
    waiting = new_notice(WEBHOOK, event=Event.PUBLISHED, data={}, at=NOW - timedelta(hours=1), key="1")
    kept.add_notice(
        replace(
            waiting,
            attempts=3,
            last_attempt_at=NOW - timedelta(minutes=5),
            last_status=503,
            next_attempt_at=NOW + timedelta(minutes=25),
        )
    )
    lost = new_notice(WEBHOOK, event=Event.PUBLISHED, data={}, at=NOW - timedelta(hours=2), key="2")
    kept.add_notice(
        replace(lost, status=NoticeStatus.FAILED, attempts=10, last_fault="timeout", next_attempt_at=None)
    )
    out = console()

    assert webhooks.show(kept, OWNER, "main", now=NOW, out=out) == 0

    _, webhook, _, first, second = words(out)
    assert webhook[5] == "failing"
    assert first[1:] == [
        *("metering.published", "2026-11-22", "05:00", "UTC", "waiting", "3"),
        *("2026-11-22", "05:55", "UTC", "503", "2026-11-22", "06:25", "UTC"),
    ]
    assert second[1:] == ["metering.published", "2026-11-22", "04:00", "UTC", "failed", "10", "timeout"]


def test_a_webhook_without_notices_is_shown(kept: Store) -> None:
    out = console()

    webhooks.show(kept, OWNER, "main", now=NOW, out=out)

    assert text(out).splitlines()[-1] == "It has had no notices in the last 30 days."


def test_a_disabled_webhook_gets_notices_again(kept: Store) -> None:
    assert webhooks.enable(kept, OWNER, "old", out=console()) == 0

    enabled = found(kept, "old")
    assert (enabled.state, enabled.disabled_reason, enabled.failing_since) == (State.ACTIVE, None, None)


def test_one_that_was_never_confirmed_has_to_be_confirmed(kept: Store) -> None:
    kept.change_webhook(OWNER, "old", lambda stored: replace(stored, confirmed_at=None))
    out = console()

    webhooks.enable(kept, OWNER, "old", out=out)

    assert found(kept, "old").state is State.UNCONFIRMED
    assert text(out).splitlines()[-1].startswith("Its owner has to confirm it")


def test_enabling_an_active_webhook_changes_nothing(kept: Store) -> None:
    before = found(kept, "main")

    webhooks.enable(kept, OWNER, "main", out=console())

    assert (found(kept, "main"), found(kept, "main").etag) == (before, before.etag)


def test_the_command_names_a_webhook_that_is_not_there(kept: Store, table_storage: str) -> None:
    listed = command("webhooks", table_storage=table_storage)
    unknown = command("webhooks", OWNER, "none", table_storage=table_storage)
    not_enabled = command("webhooks", OWNER, "none", "--enable", table_storage=table_storage)
    incomplete = command("webhooks", "--enable", table_storage=table_storage)
    blank = command("webhooks", "", table_storage=table_storage)

    assert (listed.returncode, "hooks.example.com" in listed.stdout) == (0, True)
    assert (unknown.returncode, unknown.stdout) == (2, f"{OWNER} has no webhook 'none'.\n")
    assert not_enabled.stdout == unknown.stdout
    assert (incomplete.returncode, "--enable needs WHO and ID" in incomplete.stderr) == (2, True)
    assert (blank.returncode, "WHO or ID is blank" in blank.stderr) == (2, True)


def test_tables_that_are_away_are_trouble() -> None:
    away = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=AAAA;"
        "TableEndpoint=http://127.0.0.1:9/devstoreaccount1;"
    )

    done = command("webhooks", table_storage=away)

    assert (done.returncode, done.stderr) == (2, ON_THE_ENVIRONMENT)


def test_main_runs_what_is_asked_for(
    kept: Store, table_storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_STORAGE", table_storage)

    assert webhooks.main([]) == 0
    assert webhooks.main([OWNER, "old"]) == 0
    assert webhooks.main([OWNER, "old", "--enable"]) == 0
    assert found(kept, "old").state is State.ACTIVE
    monkeypatch.delenv("TABLE_STORAGE")
    assert webhooks.main([]) == 2
