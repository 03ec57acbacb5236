"""Grants, manifests and audit in Table Storage."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from shared import tables
from shared.access.grant import MANIFEST, Grant, Span, row_key
from shared.access.sync import audit, changes, mapping, store
from shared.access.sync.changes import Change
from shared.access.sync.store import Partition, Writer
from shared.tables import Tables
from tests.builders.access import NOW, app, point
from tests.doubles.faulty import Faulty

ALICE = app(1)
MAY, NEW_YEAR = date(2024, 5, 1), date(2025, 1, 1)


def grant(number: int, *held: Span, customer: int = 10001) -> Grant:
    return Grant(ALICE, point(number), customer, "Blåbær & Sønn/#?", held or (Span(MAY, None),), "field")


def granted(*grants: Grant) -> list[Change]:
    return [Change(None, each) for each in grants]


def write(storage: Tables, batch: Sequence[Change], *, run_id: str = "run", now: datetime = NOW) -> None:
    writer = Writer(storage, store.read_partition(storage, ALICE), run_id=run_id)
    writer.write(batch, now=now)
    writer.finish()


def stored(storage: Tables) -> set[Grant]:
    return {each.grant for each in store.read_partition(storage, ALICE).grants.values()}


def audited(storage: Tables) -> list[tables.Entity]:
    return list(storage.range(tables.ACCESS_AUDIT, partition=ALICE))


@pytest.mark.parametrize(
    "held",
    [
        (Span(MAY, NEW_YEAR),),
        (Span(None, NEW_YEAR),),
        (Span(),),
        (Span(None, MAY), Span(NEW_YEAR, date(2026, 1, 1)), Span(date(2027, 1, 1), None)),
    ],
)
def test_a_grant_is_read_as_it_was_written(storage: Tables, held: tuple[Span, ...]) -> None:
    write(storage, granted(grant(1, *held)))

    assert stored(storage) == {grant(1, *held)}


def test_a_row_shows_what_it_grants_to_a_person_who_looks(storage: Tables) -> None:
    write(storage, granted(grant(1, Span(MAY, NEW_YEAR))))

    row = storage.get(tables.ACCESS_GRANTS, partition=ALICE, row=f"{point(1)}:10001")

    assert row is not None
    assert {name: row[name] for name in row if name != "etag"} == {
        "PartitionKey": ALICE,
        "RowKey": f"{point(1)}:10001",
        "validFrom": "2024-05-01",
        "validTo": "2025-01-01",
        "customerName": "Blåbær & Sønn/#?",
        "why": "field",
        "grantedAt": NOW.isoformat(),
        "runId": "run",
    }


def test_the_manifest_sorts_last_and_describes_the_rows(storage: Tables) -> None:
    write(storage, granted(grant(1), grant(2)))

    rows = list(storage.range(tables.ACCESS_GRANTS, partition=ALICE))

    assert [row["RowKey"] for row in rows] == [f"{point(1)}:10001", f"{point(2)}:10001", "~manifest"]
    assert (rows[-1]["version"], rows[-1]["count"], rows[-1]["changedAt"]) == ("run.1", 2, NOW.isoformat())
    assert "pendingAudit" not in rows[-1]


def test_the_audit_lists_the_newest_first_with_before_and_after(storage: Tables) -> None:
    short = grant(1, Span(MAY, NEW_YEAR))
    write(storage, granted(grant(1)), run_id="first")
    write(storage, [Change(grant(1), short)], run_id="second", now=NOW + timedelta(hours=1))
    write(storage, [Change(short, None)], run_id="third", now=NOW + timedelta(hours=2))

    rows = audited(storage)

    assert [(row["event"], row["before"], row["after"], row["why"], row["runId"]) for row in rows] == [
        ("revoked", "2024-05-01..2025-01-01", "", "no longer: field", "third"),
        ("changed", "2024-05-01..", "2024-05-01..2025-01-01", "field", "second"),
        ("granted", "", "2024-05-01..", "field", "first"),
    ]
    assert stored(storage) == set()


def test_a_clock_that_was_set_back_does_not_reorder_the_audit(storage: Tables) -> None:
    write(storage, granted(grant(1)))
    write(storage, [Change(grant(1), None)], now=NOW - timedelta(minutes=4))

    assert [row["event"] for row in audited(storage)] == ["revoked", "granted"]


def test_a_change_that_a_wrong_clock_noted_ahead_is_not_carried_on(
    storage: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    write(storage, granted(grant(1)), now=NOW + timedelta(days=365))
    write(storage, granted(grant(2)))

    manifest = storage.get(tables.ACCESS_GRANTS, partition=ALICE, row=MANIFEST)

    assert manifest is not None
    assert manifest["changedAt"] == NOW.isoformat()
    assert [each.levelname for each in caplog.records if "a clock was wrong" in each.message] == ["ERROR"]


def test_a_change_keeps_since_when_the_grant_is_there(storage: Tables) -> None:
    write(storage, granted(grant(1)))
    write(storage, [Change(grant(1), grant(1, Span()))], now=NOW + timedelta(days=1), run_id="later")

    [row] = store.read_partition(storage, ALICE).grants.values()

    assert (row.granted_at, row.run_id) == (NOW.isoformat(), "later")


def test_a_hundred_changes_are_more_than_one_transaction_takes(storage: Tables) -> None:
    full = granted(*[grant(number) for number in range(store.CHANGES_IN_TRANSACTION)])

    write(storage, full)

    assert len(stored(storage)) == 99
    with pytest.raises(ValueError, match="at most 100"):
        write(storage, granted(*[grant(number) for number in range(200, 300)]))
    assert len(stored(storage)) == 99


def test_the_longest_names_fit_in_one_transaction(storage: Tables) -> None:
    draw = random.Random(7)
    letters = [chr(letter) for letter in range(0x4E00, 0xA000)]  # Many, so that they hardly compress.
    names = ["".join(draw.choices(letters, k=200)) for _ in range(99)]
    grants = [replace(grant(number), customer_name=names[number], why="å" * 200) for number in range(99)]

    write(storage, granted(*grants))

    assert stored(storage) == set(grants)
    assert len(audited(storage)) == 99
    assert store.read_partition(storage, ALICE).version == "run.1"


def test_changes_whose_audit_does_not_fit_into_the_manifest_take_several_transactions(
    storage: Tables,
) -> None:
    draw = random.Random(7)
    grants = [grant(number, *random_spans(draw, mapping.MAX_PERIODS)) for number in range(99)]

    write(storage, granted(*grants))

    assert stored(storage) == set(grants)
    assert len(audited(storage)) == 99
    version = str(store.read_partition(storage, ALICE).version)
    assert int(version.rpartition(".")[2]) > 1


def random_spans(draw: random.Random, count: int) -> list[Span]:
    days = sorted(draw.sample(range(700_000, 740_000), 2 * count))
    return [
        Span(date.fromordinal(first), date.fromordinal(end))
        for first, end in zip(days[::2], days[1::2], strict=True)
    ]


def test_of_two_runs_that_write_the_same_partition_one_fails(storage: Tables) -> None:
    write(storage, granted(grant(1)))
    partition = store.read_partition(storage, ALICE)
    one, other = Writer(storage, partition, run_id="one"), Writer(storage, partition, run_id="other")

    one.write(granted(grant(2)), now=NOW)

    with pytest.raises(tables.ChangedMeanwhile):
        other.write(granted(grant(3)), now=NOW)
    assert stored(storage) == {grant(1), grant(2)}


def test_of_two_runs_that_begin_the_same_partition_one_fails(storage: Tables) -> None:
    one = Writer(storage, Partition(ALICE), run_id="one")
    other = Writer(storage, Partition(ALICE), run_id="other")

    one.write(granted(grant(1)), now=NOW)

    with pytest.raises(tables.AlreadyExists):
        other.write(granted(grant(2)), now=NOW)
    assert stored(storage) == {grant(1)}


def test_what_was_compared_must_still_be_there(storage: Tables) -> None:
    compared = store.read_partition(storage, ALICE)
    write(storage, granted(grant(1)))

    with pytest.raises(tables.ChangedMeanwhile):
        Writer(storage, compared, run_id="late")


@pytest.mark.parametrize("begun", [True, False])
def test_a_transaction_whose_answer_was_lost_is_recognised_as_done(
    storage: Tables, reached_storage: Tables, before_tables: Faulty, begun: bool
) -> None:
    if begun:
        write(storage, granted(grant(1)))
    writer = Writer(reached_storage, store.read_partition(storage, ALICE), run_id="lost")
    before_tables.lose_answers(1)

    writer.write(granted(grant(2)), now=NOW + timedelta(hours=1))
    writer.finish()

    assert grant(2) in stored(storage)
    assert store.read_partition(storage, ALICE).is_settled


def test_a_deletion_whose_answer_was_lost_is_recognised_as_done(
    storage: Tables, reached_storage: Tables, before_tables: Faulty
) -> None:
    write(storage, granted(grant(1)))
    writer = Writer(reached_storage, store.read_partition(storage, ALICE), run_id="lost")
    before_tables.lose_answers(1)

    writer.write([Change(grant(1), None)], now=NOW + timedelta(hours=1))
    writer.finish()

    assert [row["event"] for row in audited(storage)] == ["revoked", "granted"]
    assert store.read_partition(storage, ALICE).is_settled


def test_a_transaction_that_is_never_answered_ends_after_two_tries(
    storage: Tables, reached_storage: Tables, before_tables: Faulty
) -> None:
    writer = Writer(reached_storage, Partition(ALICE), run_id="lost")
    before_tables.lose_answers(2)

    with pytest.raises(tables.TablesUnavailable):
        writer.write(granted(grant(1)), now=NOW)

    assert store.read_partition(storage, ALICE).has_pending_audit


def test_an_audit_whose_answer_was_lost_is_written_once(
    storage: Tables, reached_storage: Tables, before_tables: Faulty
) -> None:
    event = audit.entity(Change(None, grant(1)), at=NOW, run_id="lost")
    before_tables.lose_answers(1)

    audit.write(reached_storage, [event])

    assert audited(storage) == [event]


class DiesBeforeAudit(Tables):
    """Lets transactions on grants through and ends at the first on the audit."""

    def __init__(self, inner: Tables) -> None:
        self._inner = inner
        self.get, self.replace = inner.get, inner.replace  # type: ignore[method-assign]

    def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
        """Only grants."""
        if table == tables.ACCESS_AUDIT:
            raise tables.TablesUnavailable("gone")
        return self._inner.transact(table, operations)


def test_what_was_not_audited_is_found_in_the_manifest_and_written_later(storage: Tables) -> None:
    writer = Writer(DiesBeforeAudit(storage), Partition(ALICE), run_id="killed")
    with pytest.raises(tables.TablesUnavailable):
        writer.write(granted(grant(1)), now=NOW)
    left = store.read_partition(storage, ALICE)
    assert left.has_pending_audit
    assert audited(storage) == []

    Writer(storage, left, run_id="next").settle(left, now=NOW + timedelta(hours=1))

    [row] = audited(storage)
    assert (row["event"], row["at"], row["runId"]) == ("granted", NOW.isoformat(), "killed")
    assert store.read_partition(storage, ALICE).is_settled


@pytest.mark.parametrize(
    ("key", "columns"),
    [
        ("somebody", {"customerName": "x"}),
        (f"{point(1)}:not-a-number", {"customerName": "x"}),
        (f"{point(1)[:-1]}:10001", {"customerName": "x"}),
        (f"{point(1)[:-1]}x:10001", {"customerName": "x"}),
        (f"{point(1)}:10001", {}),
        (f"{point(1)}:10001", {"customerName": "x", "validFrom": "soon"}),
        (f"{point(1)}:10001", {"customerName": "x", "validTo": "2024-05-01..2025-01-01"}),
        (f"{point(1)}:10001", {"customerName": 7}),
        (f"{point(1)}:10001", {"customerName": "x", "validFrom": ""}),
        (f"{point(1)}:10001", {"customerName": "x", "validFrom": 0}),
        (f"{point(1)}:10001", {"customerName": "x", "validFrom": False}),
        (f"{point(1)}:10001", {"customerName": "x", "validFrom": "2025-01-01", "validTo": "2024-05-01"}),
        (f"{point(1)}:10001", {"customerName": "x", "validTo": "2024-05-01", "laterPeriods": 7}),
        (f"{point(1)}:10001", {"customerName": "x", "validTo": "2024-05-01", "laterPeriods": ".."}),
        (f"{point(1)}:010001", {"customerName": "x"}),
        (f"{point(1)}:+10001", {"customerName": "x"}),
        (f"{point(1)}:10_001", {"customerName": "x"}),
        (f"{point(1)}:\u0661", {"customerName": "x"}),
    ],
)
def test_a_row_that_is_no_grant_is_removed_when_settling(
    storage: Tables, key: str, columns: dict[str, object]
) -> None:
    write(storage, granted(grant(2)))
    storage.upsert(tables.ACCESS_GRANTS, {"PartitionKey": ALICE, "RowKey": key, **columns})
    partition = store.read_partition(storage, ALICE)
    assert partition.unreadable == [key]
    assert not partition.is_settled

    Writer(storage, partition, run_id="next").settle(partition, now=NOW)

    assert stored(storage) == {grant(2)}
    assert store.read_partition(storage, ALICE).is_settled


def test_more_rows_that_are_no_grants_than_a_transaction_holds_are_removed(storage: Tables) -> None:
    write(storage, granted(grant(1)))
    for start in (0, 60):
        rows = [{"PartitionKey": ALICE, "RowKey": f"row {each}"} for each in range(start, start + 60)]
        storage.transact(tables.ACCESS_GRANTS, [("upsert", row) for row in rows])
    partition = store.read_partition(storage, ALICE)

    Writer(storage, partition, run_id="next").settle(partition, now=NOW)

    assert stored(storage) == {grant(1)}
    assert store.read_partition(storage, ALICE).is_settled


def test_a_damaged_manifest_without_a_grant_is_replaced_when_settling(storage: Tables) -> None:
    write(storage, granted(grant(1)))
    write(storage, [Change(grant(1), None)])
    damage_manifest(storage, {"count": None})
    partition = store.read_partition(storage, ALICE)
    assert not partition.is_settled

    Writer(storage, partition, run_id="next").settle(partition, now=NOW)

    settled = store.read_partition(storage, ALICE)
    assert (settled.is_settled, settled.version) == (True, "next.1")


def test_a_manifest_that_lost_count_is_written_again(storage: Tables) -> None:
    write(storage, granted(grant(1), grant(2)))
    storage.delete(tables.ACCESS_GRANTS, partition=ALICE, row=row_key(grant(1)))
    partition = store.read_partition(storage, ALICE)

    Writer(storage, partition, run_id="next").settle(partition, now=NOW)

    settled = store.read_partition(storage, ALICE)
    assert settled.is_settled
    assert (settled.version, settled.count) == ("next.1", 1)


@pytest.mark.parametrize(
    "damage",
    [
        {"count": None},
        {"count": "two"},
        {"version": None},
        {"version": None, "count": None, "changedAt": None},
        {"count": None, "changedAt": "yesterday"},
        {"count": None, "changedAt": "2026-11-22T05:00:00"},
        {"pendingAudit": b"not packed"},
        {"count": None, "pendingAudit": "a text"},
    ],
)
def test_a_manifest_that_is_damaged_is_replaced_when_settling(
    storage: Tables, damage: dict[str, object]
) -> None:
    write(storage, granted(grant(1), grant(2)))
    damage_manifest(storage, damage)
    partition = store.read_partition(storage, ALICE)
    assert not partition.is_settled

    Writer(storage, partition, run_id="next").settle(partition, now=NOW)

    settled = store.read_partition(storage, ALICE)
    assert settled.is_settled
    assert (settled.count, stored(storage)) == (2, {grant(1), grant(2)})


def test_a_change_of_a_grant_whose_last_change_has_no_time_is_written(storage: Tables) -> None:
    write(storage, granted(grant(1)))
    damage_manifest(storage, {"changedAt": None})

    write(storage, granted(grant(2)), run_id="next")

    manifest = storage.get(tables.ACCESS_GRANTS, partition=ALICE, row=MANIFEST)
    assert manifest is not None
    assert (manifest["version"], manifest["changedAt"]) == ("next.1", NOW.isoformat())


def damage_manifest(storage: Tables, damage: dict[str, object]) -> None:
    """Replace columns of a manifest; None removes one."""
    manifest = storage.get(tables.ACCESS_GRANTS, partition=ALICE, row=MANIFEST)
    assert manifest is not None
    changed = {**manifest, **damage}
    storage.upsert(
        tables.ACCESS_GRANTS,
        {name: value for name, value in changed.items() if value is not None and name != "etag"},
    )


def test_everything_is_read_by_principal(storage: Tables) -> None:
    bob = replace(grant(1), principal=app(2))
    write(storage, granted(grant(1), grant(2)))
    writer = Writer(storage, Partition(app(2)), run_id="run")
    writer.write(granted(bob), now=NOW)
    writer.finish()

    partitions = store.read(storage)

    assert {who: len(each.grants) for who, each in partitions.items()} == {ALICE: 2, app(2): 1}
    assert all(each.is_settled for each in partitions.values())
    assert changes.plan(
        stored={key: row.grant for each in partitions.values() for key, row in each.grants.items()},
        wanted={each.key: each for each in (grant(1), grant(2), bob)},
    ).changes == ()  # fmt: skip
