"""What operators see of feeds, how they act on them, and how a file of the old system is compared."""

import argparse
import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from rich.console import Console

from local import demo
from operations import feeds
from operations.feed_files import comparing, old, report
from operations.feed_files.old_file import OldFile, Unreadable
from shared import periods
from shared.access import runs
from shared.files.feeds import ledger
from shared.files.feeds.ledger import Batch, FileOfRun, Ledger, Run, RunStatus
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.store import EACH_PUBLICATION, Feed, Feeds, Span, Split
from shared.files.forms.form import Form
from shared.metering import Direction
from shared.tables import FILE_WORK, Tables
from shared.warehouse import opening, schema
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries.published import Kind as Days
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, SHOP, Clock, Deliverer, readable, values
from tests.doubles.sftp import server as sftp_server
from tests.doubles.sftp.server import Server
from tests.shared.files.feeds.test_contents import NOW
from tests.shared.files.feeds.test_contents import SPEC as EACH_POINT

OWNER = "app:5a5e0000-0000-4000-8000-000000000001"
SPEC = replace(EACH_POINT, split=Split.ONE_FILE)
FILE = FileOfRun("daily.gs2", 1, 1, 24, 0, 0, 1000, "00")
SUMMER = date(2026, 7, 1)
RUN = "000007-000009"
ROWS = (
    b"meteringPointId,direction,start,end,quantityKWh,quality\n"
    b"1,consumption,2026-07-01T00:00:00+02:00,,1,measured\n"
)
WIDE = {"format": "csv", "layout": "wide"}
EPOCH = {"format": "csv", "profile": {"time": "epoch-ms", "stamp": "start"}}


@pytest.fixture
def kept(storage: Tables) -> Feed:
    """Return a feed with a run that was sent."""
    made, _ = Feeds(storage).put(OWNER, "daily", SPEC, sequence=6, now=NOW)
    span = Span(7, 9, NOW, NOW, NOW)
    feed = Feeds(storage).write(replace(made, covered=9, latest=span, settled=9))
    ledger = Ledger(storage)
    run = ledger.add(feed, span)
    ledger.plan(run, [Batch(1, "", Days.ALL, 1, 1, b"", (FILE,))])
    sent = {"status": RunStatus.SENT, "batches": 1, "manifest": FILE, "attempts": 3, "finished_at": NOW}
    ledger.change(run, lambda stored: replace(stored, **sent))
    return feed


@pytest.fixture
def just_sent(kept: Feed, storage: Tables) -> Feed:
    """Return the feed whose run was sent now by the command's clock, so that its files are there yet."""
    Ledger(storage).change(stored(storage), lambda run: replace(run, finished_at=datetime.now(UTC)))
    return kept


Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def ask(table_storage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Return what runs the command in this process; it gives the exit code and what was printed."""

    def run(*arguments: str, **settings: str) -> tuple[int, str]:
        for name, value in {"TABLE_STORAGE": table_storage, **settings}.items():
            monkeypatch.setenv(name, value)
        code = feeds.main(arguments)
        return code, capsys.readouterr().out

    return run


def stored(storage: Tables) -> Run:
    run = Ledger(storage).get(OWNER, "daily", 9)
    assert run is not None
    return run


def test_feeds_are_listed_with_their_last_runs(kept: Feed, storage: Tables, ask: Ask) -> None:
    Feeds(storage).put(OWNER, "new", SPEC, sequence=9, now=NOW)

    code, printed = ask()

    lines = [line.split() for line in printed.splitlines()]
    assert code == 0
    assert [OWNER, "daily", "gs2", EACH_PUBLICATION, "links", RUN, "sent", "1"] in [
        line[:8] for line in lines
    ]
    assert [OWNER, "new", "gs2", EACH_PUBLICATION, "links", "none"] in lines


def test_without_feeds_it_says_so(storage: Tables, ask: Ask) -> None:
    assert ask() == (0, "There are no feeds.\n")


def test_a_ledger_is_shown(kept: Feed, ask: Ask) -> None:
    code, printed = ask("show", OWNER, "daily")

    assert code == 0
    assert printed.splitlines()[1].split() == [
        *("000007-000009", "sent", "1"),
        *("2026-11-22", "06:00", "UTC", "3"),
    ]


def test_a_ledger_is_shown_as_far_as_it_fits(kept: Feed, storage: Tables, ask: Ask) -> None:
    for number in range(10, 10 + feeds.SHOWN):
        Ledger(storage).add(kept, Span(number, number, NOW, NOW, NOW))

    _, printed = ask("show", OWNER, "daily")

    assert len(printed.splitlines()) == 1 + feeds.SHOWN


@pytest.fixture
def damaged(kept: Feed, storage: Tables) -> Feed:
    """Return a feed whose latest run somebody else wrote, beside a feed of which nothing is wrong."""
    Feeds(storage).put(OWNER, "new", SPEC, sequence=9, now=NOW)
    Ledger(storage).add(kept, Span(10, 12, NOW, NOW, NOW))
    row = next(storage.range(FILE_WORK, partition=ledger.partition_of(OWNER, "daily")))
    storage.upsert(FILE_WORK, {**row, "status": "odd"})
    return Feeds(storage).write(replace(kept, latest=Span(10, 12, NOW, NOW, NOW)))


def test_a_run_that_cannot_be_read_hides_no_other_feed(damaged: Feed, ask: Ask) -> None:
    code, printed = ask()

    lines = [line.split()[1:] for line in printed.splitlines()]
    assert code == feeds.TROUBLE
    assert ["daily", "gs2", EACH_PUBLICATION, "links", "000010-000012", "unreadable"] in lines
    assert ["new", "gs2", EACH_PUBLICATION, "links", "none"] in lines


def test_a_run_that_cannot_be_read_is_a_line_of_its_ledger(
    damaged: Feed, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    code, printed = ask("show", OWNER, "daily")

    lines = [line.split() for line in printed.splitlines()]
    assert code == feeds.TROUBLE
    assert lines[1][:2] == ["…-000012", "unreadable"]
    assert lines[2][:2] == [RUN, "sent"]
    assert ask("resend", OWNER, "daily", RUN)[0] == 0
    assert caplog.messages == []


def test_a_feed_is_paused_and_resumed(kept: Feed, storage: Tables, ask: Ask) -> None:
    def is_paused() -> bool:
        found = Feeds(storage).get(OWNER, "daily")
        return found is not None and found.is_paused

    assert ask("pause", OWNER, "daily") == (0, "daily is paused.\n")
    paused, (_, listed) = is_paused(), ask()
    assert ask("resume", OWNER, "daily") == (0, "daily is on.\n")

    assert (paused, is_paused()) == (True, False)
    assert "paused" in listed


@pytest.mark.usefixtures("just_sent")
def test_a_run_is_handed_out_again_by_the_next_sweep(storage: Tables, ask: Ask) -> None:
    receiver = Receiver("sftp.example.com", 22, "us", "ssh-ed25519 AAAA")
    Feeds(storage).change(OWNER, "daily", lambda stored: replace(stored, receiver=receiver))

    code, printed = ask("resend", OWNER, "daily", "000007-000009")

    run, feed = stored(storage), Feeds(storage).get(OWNER, "daily")
    assert (code, "within ten minutes" in printed) == (0, True)
    assert (run.status, run.attempts, run.sent_files) == (RunStatus.READY, 0, 0)
    assert feed is not None
    assert feed.settled < 9
    assert run.touched_at < NOW - timedelta(days=365)


@pytest.mark.usefixtures("just_sent")
def test_a_run_of_a_paused_feed_is_sent_again_when_it_is_resumed(storage: Tables, ask: Ask) -> None:
    receiver = Receiver("sftp.example.com", 22, "us", "ssh-ed25519 AAAA")
    with_links = Feeds(storage).change(OWNER, "daily", lambda stored: replace(stored, is_paused=True))
    of_links = ask("resend", OWNER, "daily", RUN)
    Feeds(storage).change(OWNER, "daily", lambda stored: replace(stored, receiver=receiver))

    assert with_links is not None
    assert of_links == (0, f"The app hands {RUN} out again within ten minutes.\n")
    assert ask("resend", OWNER, "daily", RUN) == (
        0,
        f"The app hands {RUN} out again when the feed is resumed.\n",
    )


@pytest.mark.usefixtures("just_sent")
def test_a_run_with_links_is_handed_out_again_by_the_next_sweep_too(storage: Tables, ask: Ask) -> None:
    ask("resend", OWNER, "daily", RUN)

    assert (stored(storage).status, stored(storage).touched_at) == (RunStatus.READY, ledger.LONG_AGO)


def test_a_run_without_files_is_made_again(kept: Feed, storage: Tables, ask: Ask) -> None:
    Ledger(storage).change(stored(storage), lambda run: replace(run, manifest=None))

    ask("resend", OWNER, "daily", "000007-000009")

    assert (stored(storage).status, stored(storage).round, stored(storage).batches) == (
        RunStatus.BUILDING,
        2,
        None,
    )
    assert ask("resend", OWNER, "daily", "000007-000009")[0] == feeds.TROUBLE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", OWNER, "absent"), f"{OWNER} has no feed 'absent'."),
        (("resend", OWNER, "daily", "000001-000002"), "daily has no run '000001-000002'."),
    ],
)
def test_what_does_not_exist_is_named(kept: Feed, ask: Ask, arguments: Sequence[str], message: str) -> None:
    assert ask(*arguments) == (feeds.TROUBLE, f"{message}\n")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "received"
    folder.mkdir()
    with sftp_server.running(folder) as found:
        yield found


def test_an_sftp_server_whose_key_is_right_becomes_the_receiver(
    kept: Feed, storage: Tables, ask: Ask, server: Server
) -> None:
    key = server.public_host_key()

    code, printed = ask(
        *("add-sftp", OWNER, "daily", "--host", "127.0.0.1", "--port", str(server.port), "--user", "us"),
        *("--host-key", key, "--folder", "in", "--without-manifest"),
    )

    found = Feeds(storage).get(OWNER, "daily")
    assert (code, printed) == (0, "The next run of daily goes to us@127.0.0.1.\n")
    assert found is not None
    assert found.receiver == Receiver("127.0.0.1", server.port, "us", key, "in", with_manifest=False)
    assert found.receiver.after == 9


def test_a_server_that_is_not_what_the_operator_was_given_is_not_added(
    kept: Feed, storage: Tables, ask: Ask, server: Server
) -> None:
    elliptic, rsa = (
        asyncssh.generate_private_key(kind).export_public_key().decode().strip()
        for kind in ("ssh-ed25519", "ssh-rsa")
    )

    def add(*, host: str = "127.0.0.1", key: str) -> tuple[int, str]:
        port = str(server.port if host == "127.0.0.1" else 22)
        return ask(
            "add-sftp", OWNER, "daily", "--host", host, "--port", port, "--user", "us", "--host-key", key
        )

    refused = [
        add(key="ssh-ed25519 AAAA"),
        add(key=elliptic),
        add(key=rsa),
        add(host="a..b", key=elliptic),
    ]

    found = Feeds(storage).get(OWNER, "daily")
    assert found is not None
    assert found.receiver is None
    assert [code for code, _ in refused] == [feeds.TROUBLE] * 4
    assert all(printed.startswith("Nothing is changed. ") for _, printed in refused)
    assert "not a public key" in refused[0][1]
    assert asyncssh.import_public_key(elliptic).get_fingerprint() in refused[1][1]
    assert asyncssh.import_public_key(server.public_host_key()).get_fingerprint() in refused[1][1]
    assert "ssh-ed25519 SHA256:" in refused[2][1]
    assert "ssh-rsa SHA256:" in refused[2][1]


def key_text() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


def test_a_server_that_cannot_be_reached_from_here_is_added_unchecked(
    kept: Feed, storage: Tables, ask: Ask
) -> None:
    key = key_text()
    given = ("add-sftp", OWNER, "daily", "--host", "sftp.example.com", "--user", "us", "--unchecked")

    refused, printed = ask(*given, "--host-key", "ssh-ed25519 AAAA")
    code, _ = ask(*given, "--host-key", key)

    found = Feeds(storage).get(OWNER, "daily")
    assert (refused, code) == (feeds.TROUBLE, 0)
    assert "not a public key" in printed
    assert found is not None
    assert found.receiver == Receiver("sftp.example.com", 22, "us", key, ".")
    assert found.receiver.after == 9


def test_another_server_gets_what_the_first_has_not_taken_from_the_beginning(
    kept: Feed, storage: Tables, ask: Ask
) -> None:
    first = Receiver("one.example.com", 22, "us", key_text(), after=6)
    Feeds(storage).change(OWNER, "daily", lambda stored: replace(stored, receiver=first))
    half_sent = {"status": RunStatus.READY, "sent_files": 20, "attempts": 3, "finished_at": NOW}
    Ledger(storage).change(stored(storage), lambda run: replace(run, **half_sent))

    ask(
        *("add-sftp", OWNER, "daily", "--host", "two.example.com", "--user", "us"),
        *("--unchecked", "--host-key", key_text()),
    )

    found = Feeds(storage).get(OWNER, "daily")
    assert found is not None
    assert found.receiver is not None
    assert (found.receiver.host, found.receiver.after) == ("two.example.com", 6)
    assert (stored(storage).sent_files, stored(storage).attempts) == (0, 0)


def adding(**given: Any) -> argparse.Namespace:
    """Return what the operator gave to `add-sftp`."""
    usual = {"host": "sftp.example.com", "port": 22, "user": "us", "host_key": key_text(), "folder": "."}
    return argparse.Namespace(**usual, unchecked=True, without_manifest=False, **given)


def test_a_run_that_was_decided_while_the_server_was_asked_does_not_go_there(
    kept: Feed, storage: Tables
) -> None:
    desk = feeds.Desk(Feeds(storage), Ledger(storage), lambda: NOW, console())
    Feeds(storage).change(OWNER, "daily", lambda stored: replace(stored, covered=12))

    code = feeds.add_sftp(desk, kept, adding())

    found = Feeds(storage).get(OWNER, "daily")
    assert code == 0
    assert found is not None
    assert found.receiver is not None
    assert found.receiver.after == 12


def test_a_server_is_not_added_to_a_feed_that_was_deleted_meanwhile(kept: Feed, storage: Tables) -> None:
    desk = feeds.Desk(Feeds(storage), Ledger(storage), lambda: NOW, console())
    Feeds(storage).change(OWNER, "daily", lambda stored: replace(stored, is_deleted=True))

    assert feeds.add_sftp(desk, kept, adding()) == feeds.TROUBLE
    assert text(desk.out) == "daily was deleted meanwhile.\n"


def test_two_feeds_of_one_id_do_not_go_to_one_folder(kept: Feed, storage: Tables, ask: Ask) -> None:
    Feeds(storage).put("app:other", "daily", SPEC, sequence=6, now=NOW)
    place = ("--host", "sftp.example.com", "--user", "us", "--unchecked", "--host-key", key_text())

    first, _ = ask("add-sftp", OWNER, "daily", *place)
    second, printed = ask("add-sftp", "app:other", "daily", *place)
    elsewhere, _ = ask("add-sftp", "app:other", "daily", *place, "--folder", "other")

    assert (first, second, elsewhere) == (0, feeds.TROUBLE, 0)
    assert "would be overwritten" in printed


def test_a_comparison_without_known_access_says_why(
    kept: Feed, storage: Tables, ask: Ask, tmp_path: Path
) -> None:
    asked = ("compare", OWNER, "daily", str(tmp_path / "old.csv"))
    warehouse = f"duckdb:{tmp_path / 'w.duckdb'}"

    never_synchronised = ask(*asked, WAREHOUSE=warehouse)
    runs.record(storage, runs.Run(runs.new_run_id(NOW), "complete", NOW, NOW, NOW, {}, "", True))
    without_grants = ask(*asked, WAREHOUSE=warehouse)

    assert never_synchronised == (
        feeds.TROUBLE,
        f"It is not known what {OWNER} may read: no complete sync of access is stored: "
        "run the sync; see sync-too-old in docs/operations.md.\n",
    )
    assert without_grants == (
        feeds.TROUBLE,
        f"{OWNER} may read no metering point, so there is nothing to compare.\n",
    )


def test_a_port_is_a_port(kept: Feed, ask: Ask) -> None:
    with pytest.raises(SystemExit):
        ask("add-sftp", OWNER, "daily", "--host", "h", "--port", "99999", "--user", "us", "--host-key", "k")


def test_the_public_key_is_printed(ask: Ask) -> None:
    without = ask("key")
    code, printed = ask("key", SFTP_KEY=demo.SFTP_KEY)

    assert without == (feeds.TROUBLE, "Settings are missing or wrong:\n- SFTP_KEY is missing.\n")
    assert (code, printed.startswith("ssh-ed25519 AAAA")) == (0, True)


def console() -> Console:
    return Console(file=io.StringIO(), width=300)


def text(out: Console) -> str:
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Yield three summer days of a house and a cabin, and one of a shop in quarters."""
    opened = opening.open_warehouse(building.settings(f"duckdb:{tmp_path / 'w.duckdb'}"))
    schema.apply(opened)
    deliverer = Deliverer(opened, tmp_path, Clock(NOW - timedelta(days=1)))
    lines = [
        line
        for day in range(3)
        for place, point in enumerate((HOUSE, CABIN))
        for line in values(
            point, SUMMER + timedelta(days=day), [f"{hour}.{place}{day}5" for hour in range(24)]
        )
    ]
    deliverer.deliver([*lines, *values(SHOP, SUMMER, ["0.250"] * 96, resolution="PT15M")])
    yield opened
    opened.close()


def gs2(series: Sequence[tuple[str, str, Sequence[str]]], *, ahead: str = "+1") -> bytes:
    """Return a file as the old system wrote it: metering point, start and values of each series."""
    objects = [
        f"##Time-series\n#Reference={point}\n#Start={start}\n#Step=0000-00-00.01:00:00\n#Unit=kWh\n"
        f"#Direction-of-flow=out\n#Value=<{' '.join(each)}>\n#No-of-Values={len(each)}\n"
        for point, start, each in series
    ]
    head = f"##Start-message\n#Id=1\n#Version=1.2\n#GMT-reference={ahead}\n"
    return "\n".join([head, *objects, "##End-message\n#Id=1\n"]).encode()


def hours(place: int, day: int) -> list[str]:
    return [f"{hour}.{place}{day}5" for hour in range(24)]


def compare(content: bytes, warehouse: Warehouse, **spec: Any) -> tuple[int, list[str]]:
    out = console()
    chosen = {"split": Split.PER_METERING_POINT, **spec}
    feed = Feed(OWNER, "daily", replace(SPEC, **chosen), NOW, covered=0)
    permitted = readable((HOUSE, None, None), (CABIN, None, None), (SHOP, None, None))
    code = min(1, report.compare(content, feed, permitted, warehouse, now=NOW, out=out))
    return code, text(out).splitlines()


def test_a_file_that_is_the_same_has_no_differences(warehouse: Warehouse) -> None:
    content = gs2([(HOUSE, "2026-06-30.23:00:00", hours(0, 0)), (CABIN, "2026-06-30.23:00:00", hours(1, 0))])

    code, printed = compare(content, warehouse, customer_number=1001)

    assert (code, printed[-1].split(",")[0]) == (0, "48 values compared")
    assert len(printed) == 1


@pytest.mark.parametrize(
    ("split", "lacking"), [(Split.ONE_FILE, [CABIN, SHOP]), (Split.PER_CUSTOMER, [CABIN, SHOP])]
)
def test_series_that_a_file_of_the_whole_lacks_are_named(
    warehouse: Warehouse, split: Split, lacking: list[str]
) -> None:
    content = gs2([(HOUSE, "2026-06-30.23:00:00", hours(0, 0))])

    code, printed = compare(content, warehouse, split=split)

    assert code == feeds.DIFFERENT
    assert printed[:-1] == [f"{point} consumption: the file lacks it." for point in lacking]


def test_a_direction_that_the_feed_has_not_is_named(warehouse: Warehouse) -> None:
    content = gs2([(HOUSE, "2026-06-30.23:00:00", hours(0, 0))])

    code, printed = compare(content, warehouse, directions=(Direction.PRODUCTION,))

    assert code == feeds.DIFFERENT
    assert printed[0] == f"{HOUSE} consumption: the feed does not hold it."


def test_three_differences_and_a_shifted_hour_are_each_named(warehouse: Warehouse) -> None:
    planted = hours(0, 0)
    planted[5], planted[9] = "7.777", "//9"
    late = hours(1, 1)  # Starts at 00:00 of UTC+1: an hour after the market day does.
    stranger = ("707057500000010999", "2026-06-30.23:00:00", ["1.000"])
    content = gs2([(HOUSE, "2026-06-30.23:00:00", planted), (CABIN, "2026-07-02.00:00:00", late), stranger])

    total = sum(Decimal(each) for each in (*planted, *late, "1.000") if "/" not in each)

    code, printed = compare(content, warehouse)

    assert code == feeds.DIFFERENT
    assert printed == [
        f"{HOUSE} consumption 2026-07-01T05:00:00+02:00: another value: 7.777 kWh in the file, "
        "5.005 kWh in the feed.",
        f"{HOUSE} consumption 2026-07-01T09:00:00+02:00: not in the file: nothing in the file, "
        "9.005 kWh in the feed.",
        f"{CABIN} consumption 2026-07-02T01:00:00+02:00 to 2026-07-03T01:00:00+02:00: "
        "24 values are 1 h too late.",
        "707057500000010999 consumption: the feed does not hold it.",
        f"48 values compared, 4 differences. Sum of the file: {total} kWh.",
    ]


def test_values_of_days_that_the_feed_lacks_are_named_and_counted(warehouse: Warehouse) -> None:
    content = gs2([(HOUSE, "2026-07-09.23:00:00", ["1.000"] * 24)])

    code, printed = compare(content, warehouse)

    assert code == feeds.DIFFERENT
    assert "only in the file: 1.000 kWh in the file, nothing in the feed." in printed[0]
    assert printed[feeds.SHOWN] == f"{HOUSE} consumption: 4 more."


def test_one_difference_is_counted_as_one(warehouse: Warehouse) -> None:
    content = gs2([(HOUSE, "2026-06-30.23:00:00", ["7.777"])])

    code, printed = compare(content, warehouse)

    assert code == feeds.DIFFERENT
    assert printed[-1] == "1 value compared, 1 difference. Sum of the file: 7.777 kWh."


def test_csv_is_read_by_the_columns_of_the_form(warehouse: Warehouse) -> None:
    profile = {
        "delimiter": ";",
        "decimal": ",",
        "time": "local",
        "columns": [
            {"field": "meteringPointId", "heading": "Meter"},
            {"field": "start", "heading": "Fra"},
            {"field": "quantity", "heading": "kWh"},
        ],
    }
    rows = [f'="{HOUSE}";01.07.2026 {hour:02d}:00;{hour},005' for hour in range(24)]
    rows[3] = rows[3].replace("3,005", "3,006")
    content = "\ufeffMeter;Fra;kWh\r\n" + "\r\n".join([*rows, ""])

    code, printed = compare(content.encode(), warehouse, form={"format": "csv", "profile": profile})

    assert code == feeds.DIFFERENT
    assert printed[0].startswith(f"{HOUSE} consumption 2026-07-01T03:00:00+02:00: another value: 3.006 kWh")
    assert len(printed) == 2


@pytest.mark.parametrize(
    ("profile", "header", "row"),
    [
        ({"time": "epoch-ms", "stamp": "end"}, "meteringPointId,direction,time,quantityKWh,quality",
         "{point},consumption,{end_ms},{kwh},measured"),
        ({"time": "utc", "unit": "Wh"}, "meteringPointId,direction,start,end,quantityWh,quality",
         "{point},consumption,{start},{end},{wh},measured"),
        ({"time": "local"}, "meteringPointId,direction,start,startOffset,end,endOffset,quantityKWh,quality",
         "{point},consumption,{local},+02:00,x,+02:00,{kwh},measured"),
    ],
)  # fmt: skip
def test_each_way_to_write_times_is_read(
    warehouse: Warehouse, profile: dict[str, Any], header: str, row: str
) -> None:
    begin = periods.start_of(SUMMER)
    rows = [
        row.format(
            point=HOUSE,
            start=periods.utc_text(begin + timedelta(hours=hour)),
            end=periods.utc_text(begin + timedelta(hours=hour + 1)),
            end_ms=int((begin + timedelta(hours=hour + 1)).timestamp() * 1000),
            local=f"01.07.2026 {hour:02d}:00",
            kwh=f"{hour}.005",
            wh=hour * 1000 + 5,
        )
        for hour in range(24)
    ]

    code, printed = compare(
        "\n".join([header, *rows]).encode(), warehouse, form={"format": "csv", "profile": profile}
    )

    assert (code, len(printed)) == (0, 1), printed


def wide(rows: Sequence[str], *headings: str) -> bytes:
    """Return hours of a summer day with a column for each metering point."""
    starts = [periods.start_of(SUMMER) + timedelta(hours=hour) for hour in range(25)]
    texts = [periods.local_text(each) for each in starts]
    times = [",".join(pair) for pair in itertools.pairwise(texts)]
    lines = [f"{time},{row}" for time, row in zip(times, rows, strict=True)]
    return "\n".join([",".join(("start", "end", *headings)), *lines]).encode()


def test_a_column_for_each_metering_point_is_read(warehouse: Warehouse) -> None:
    rows = [f"{one},{other}" for one, other in zip(hours(0, 0), hours(1, 0), strict=True)]
    rows[0] = f",{hours(1, 0)[0]}"
    rows[7] = f"7.777,{hours(1, 0)[7]}"

    code, printed = compare(wide(rows, HOUSE, f"{CABIN} consumption"), warehouse, form=WIDE)

    assert code == feeds.DIFFERENT
    assert printed[0].startswith(f"{HOUSE} consumption 2026-07-01T00:00:00+02:00: not in the file: nothing")
    assert printed[1].startswith(f"{HOUSE} consumption 2026-07-01T07:00:00+02:00: another value: 7.777 kWh")
    assert printed[2].startswith("48 values compared, 2 differences")


def test_hours_beside_quarters_in_a_wide_table_are_hours() -> None:
    times = ("00:00", "00:00", "00:15", "01:00", "01:00", "01:15")
    rows = [
        f"2026-07-01T{time}:00+02:00,x,{cells}"
        for time, cells in zip(times, ("1,", ",2", ",3", "4,", ",5", ",6"), strict=True)
    ]
    content = "\n".join([f"start,end,{HOUSE},{SHOP}", *rows]).encode()

    read = old.read(content, Form.of_stored(WIDE))

    known = [kwh for kwh in read.values[HOUSE, Direction.CONSUMPTION].values() if kwh is not None]
    assert known == [Decimal(1), Decimal(4)]
    assert read.steps == {
        (HOUSE, Direction.CONSUMPTION): timedelta(hours=1),
        (SHOP, Direction.CONSUMPTION): timedelta(minutes=15),
    }


@pytest.mark.parametrize("layout", ["rows", "wide"])
def test_csv_that_names_no_direction_has_that_of_the_feed(layout: str) -> None:
    rows = f"{HOUSE},2026-07-01,1" if layout == "rows" else "2026-07-01,1"
    header = "meteringPointId,start,quantityKWh" if layout == "rows" else f"start,{HOUSE}"
    content = f"{header}\n{rows}\n".encode()

    read = old.read(
        content, Form.of_stored({"format": "csv", "layout": layout}), direction=Direction.PRODUCTION
    )

    assert list(read.values) == [(HOUSE, Direction.PRODUCTION)]


def test_a_file_that_contradicts_itself_is_told(warehouse: Warehouse) -> None:
    content = gs2([(HOUSE, "2026-06-30.23:00:00", hours(0, 0))]).replace(
        b"#No-of-Values=24", b"#No-of-Values=23\n#Sum=1.000"
    )

    code, printed = compare(content, warehouse)

    assert code == feeds.DIFFERENT
    assert printed[:2] == [
        f"{HOUSE}: No-of-values is 23, and there are 24.",
        f"{HOUSE}: Sum is 1.000, and the values add up to 276.120.",
    ]


def test_a_series_of_another_unit_is_named_and_not_compared(warehouse: Warehouse) -> None:
    reactive = gs2([(HOUSE, "2026-06-30.23:00:00", ["9.999"] * 24)]).replace(b"=kWh", b"=kVArh")
    _, _, series = reactive.partition(b"##Time-series")
    content = gs2([(HOUSE, "2026-06-30.23:00:00", hours(0, 0))]).replace(
        b"##End-message", b"##Time-series" + series.partition(b"##End-message")[0] + b"##End-message"
    )

    code, printed = compare(content, warehouse)

    assert code == feeds.DIFFERENT
    assert printed == [
        f"{HOUSE}: a series is in kVArh, and the feed has kWh: it is not compared.",
        "24 values compared, 0 differences. Sum of the file: 276.120 kWh.",
    ]


def test_stamped_values_quarters_and_other_offsets_are_read() -> None:
    content = gs2([("1", "2026-07-01.24:00:00", ["1,5//0", "2/2026-07-03.00:00:00/1"])], ahead="2")
    quarters = content.replace(b"0000-00-00.01:00:00", b"0000-00-00.00:15:00").replace(b"=out", b"=in")

    read = old.read(content, Form.model_validate({"format": "gs2"}, strict=False))
    fine = old.read(quarters, Form.model_validate({"format": "gs2"}, strict=False))

    assert read.values["1", Direction.CONSUMPTION] == {
        datetime(2026, 7, 1, 22, tzinfo=UTC): Decimal("1.5"),
        datetime(2026, 7, 2, 22, tzinfo=UTC): Decimal(2),
    }
    assert fine.steps == {("1", Direction.PRODUCTION): timedelta(minutes=15)}


def test_quarters_are_compared_with_quarters(warehouse: Warehouse) -> None:
    content = gs2([(SHOP, "2026-06-30.23:00:00", ["0.250"] * 96)]).replace(
        b"0000-00-00.01:00:00", b"0000-00-00.00:15:00"
    )

    assert compare(content, warehouse)[0] == 0


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        (b"nothing", {"format": "gs2"}, "It is not GS2"),
        (
            gs2([("1", "yesterday", ["1"])]),
            {"format": "gs2"},
            r"^Object 2 \(time-series\) cannot be read: 'yesterday' is not written as GS2.* Fetch",
        ),
        (b"##Start-message\n#Id=1\n####", {"format": "gs2"}, "lacks the key 'gmt-reference'"),
        (
            gs2([("1", "2026-07-01.00:00:00", ["1"])]).replace(b".01:", b".00:"),
            {"format": "gs2"},
            "no length",
        ),
        (b"", {"format": "csv"}, "The file is empty. Fetch it again"),
        (b"\xef\xbb\xbf", {"format": "csv"}, "The file is empty. Fetch it again"),
        (b',,\n"",\n', {"format": "csv"}, "The file is empty. Fetch it again"),
        (b"meteringPointId,start\nx,y", {"format": "csv"}, "Line 1 has no column 'quantityKWh'. Write"),
        (b"meteringPointId,quantityKWh\n", {"format": "csv"}, "Line 1 has no column 'start' or 'end'"),
        (ROWS + b"1,consumption,2026-07-01T01:00:00", {"format": "csv"}, "Line 3 is cut off. Fetch"),
        (ROWS + b'"1,consumption,x,y,1,measured\n\n', {"format": "csv"}, "Line 3 is not CSV: .* not closed"),
        (
            ROWS + b"\n1,consumption,yesterday,y,1,\n",
            {"format": "csv"},
            "Line 4 cannot be read: .*'yesterday'",
        ),
        (
            ROWS + b"1,consumption,2026-07-01,y,1e,\n",
            {"format": "csv"},
            "Line 3 cannot be read: '1e' is not a",
        ),
        (
            ROWS + b"1,consumption,2026-07-01,y,NaN,\n",
            {"format": "csv"},
            "Line 3 cannot be read: 'NaN' is not a",
        ),
        (b"meteringPointId,time,quantityKWh\n1,9e99,1\n", EPOCH, "Line 2 cannot be read"),
        (b"meteringPointId,time,quantityKWh\n1," + b"9" * 30 + b",1\n", EPOCH, "Line 2 cannot be read"),
        (f"Tid,{HOUSE}\n".encode(), WIDE, "Line 1: the column 'Tid' is neither 'start', 'end' nor a meter"),
        (f"start,{HOUSE}\n2026-07-01\n".encode(), WIDE, "Line 2 is cut off. Fetch"),
        (gs2([]), {"format": "gs2"}, "no values"),
        ("Målepunkt".encode("latin-1"), {"format": "gs2"}, "It is not GS2"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    warehouse: Warehouse, content: bytes, form: dict[str, Any], message: str
) -> None:
    with pytest.raises(Unreadable, match=message):
        compare(content, warehouse, form=form)


def local_file(lines: Sequence[str], **profile: Any) -> OldFile:
    """Return what a file of local times without offsets holds."""
    fields = ("meteringPointId", "direction", "time" if profile else "start", "quantity")
    columns = [{"field": each} for each in fields]
    form = {"format": "csv", "profile": {"time": "local", "columns": columns, **profile}}
    content = "\n".join([",".join((*fields[:3], "quantityKWh")), *lines]).encode()
    return old.read(content, Form.of_stored(form))


def local_csv(lines: Sequence[str], **profile: Any) -> dict[str, dict[str, int]]:
    """Return the values of each metering point by their UTC times."""
    return {
        f"{point} {direction}": {f"{time:%H:%M}": int(kwh or 0) for time, kwh in sorted(values.items())}
        for (point, direction), values in local_file(lines, **profile).values.items()
    }


AUTUMN = [f"25.10.2026 {time}" for time in ("01:00", "02:00", "02:00", "03:00")]


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_autumn_hour_that_comes_twice_is_two_hours(newest_first: bool) -> None:
    lines = [f"1,consumption,{time},{hour}" for hour, time in enumerate(AUTUMN)]

    read = local_csv(lines[::-1] if newest_first else lines)

    assert read == {"1 consumption": {"23:00": 0, "00:00": 1, "01:00": 2, "02:00": 3}}


def test_the_second_hour_is_told_apart_for_each_metering_point_and_direction() -> None:
    series = ("1,consumption", "1,production", "2,consumption")
    by_time = [f"{each},{time},{hour}" for hour, time in enumerate(AUTUMN) for each in series]

    read = local_csv(by_time)

    assert read == local_csv(sorted(by_time, key=lambda line: line[:13]))
    assert list(read) == ["1 consumption", "1 production", "2 consumption"]
    assert all(each == {"23:00": 0, "00:00": 1, "01:00": 2, "02:00": 3} for each in read.values())


def test_four_quarters_come_twice_and_so_do_their_ends() -> None:
    quarters = [f"02:{minute:02d}" for minute in (0, 15, 30, 45)] * 2
    lines = [f"1,consumption,25.10.2026 {time},{place}" for place, time in enumerate(quarters)]
    starts = [f"{hour}:{minute:02d}" for hour in ("00", "01") for minute in (0, 15, 30, 45)]

    read = local_csv(lines)["1 consumption"]
    ended = local_csv(lines, stamp="end")["1 consumption"]

    assert list(read.items()) == list(zip(starts, range(8), strict=True))
    assert list(ended.items()) == list(zip(["23:45", *starts[:7]], range(8), strict=True))


def test_days_that_are_newest_first_keep_the_hours_of_each_in_order() -> None:
    lines = [f"1,consumption,{time},{hour}" for hour, time in enumerate(["26.10.2026 12:00", *AUTUMN])]

    read = local_csv(lines)

    assert list(read["1 consumption"].items()) == [
        ("23:00", 1), ("00:00", 2), ("01:00", 3), ("02:00", 4), ("11:00", 0),
    ]  # fmt: skip


def test_an_hour_of_the_autumn_night_that_comes_three_times_is_a_fault() -> None:
    lines = [f"1,consumption,{time},0" for time in (*AUTUMN, AUTUMN[1])]

    assert local_file(lines).faults == [
        "1: 2026-10-25 02:00:00 comes 3 times, so it is not known which hour each of them is."
    ]


def test_a_night_that_the_file_holds_twice_is_read_twice() -> None:
    lines = [f"1,consumption,{time},{hour}" for hour, time in enumerate(AUTUMN)]

    assert local_csv([*lines, *lines]) == local_csv(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows changes its time zone for no process alone")
def test_a_time_without_an_offset_does_not_depend_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        iso = local_csv(["1,consumption,2026-07-01T00:00:00,1"], time="iso", stamp="start")
        utc = local_csv(["1,consumption,2026-07-01T00:00:00,1"], time="utc", stamp="start")
    finally:
        monkeypatch.undo()
        time.tzset()

    assert (iso, utc) == ({"1 consumption": {"22:00": 1}}, {"1 consumption": {"00:00": 1}})


def test_a_file_of_gs2_that_was_cut_off_is_named(warehouse: Warehouse) -> None:
    content = gs2([(HOUSE, "2026-06-30.23:00:00", hours(0, 0))]).partition(b"##End-message")[0]

    code, printed = compare(content, warehouse)

    assert (code, printed[0]) == (feeds.DIFFERENT, "There is no End-message: the file is cut off.")


def test_a_file_with_a_mark_is_utf_8_whatever_the_form_says() -> None:
    columns = [
        {"field": "meteringPointId", "heading": "Målepunkt"},
        {"field": "start"},
        {"field": "quantity"},
    ]
    profile = {"encoding": "windows-1252", "columns": columns}
    content = "\ufeffMålepunkt,start,quantityKWh\n1,2026-07-01T00:00:00Z,1\n".encode()

    read = old.read(content, Form.of_stored({"format": "csv", "profile": profile}))

    assert list(read.values) == [("1", Direction.CONSUMPTION)]


def test_a_caller_without_access_has_nothing_to_compare_with(kept: Feed, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "old.gs2"
    file.write_bytes(gs2([]))

    code, printed = ask("compare", OWNER, "daily", str(file), WAREHOUSE=f"duckdb:{tmp_path / 'x.duckdb'}")

    assert code == feeds.TROUBLE
    assert printed


def test_an_empty_series_has_no_differences() -> None:
    assert comparing.differences({}, {}, step=timedelta(hours=1)) == []
