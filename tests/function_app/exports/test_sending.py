"""Runs of feeds sent to an SFTP server, a real one: in order, again after failures, whole after kills."""

import base64
import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from local import environment
from local.ports import Ports
from shared import leases, limits, queues, settings
from shared.files.feeds import ledger, sftp
from shared.files.feeds.ledger import Run, RunStatus
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.sending import NOTED_EACH
from shared.files.feeds.store import Feed
from shared.leases import Lease
from shared.metering import MeteringPointId
from shared.queues import UnknownMessage
from shared.services import Services
from shared.settings import InvalidSettings
from tests.builders import queues as waiting
from tests.builders import warehouse as delivering
from tests.builders.api import Api
from tests.builders.warehouse import Clock
from tests.doubles.sftp import server
from tests.doubles.sftp.server import Server
from tests.function_app.exports.test_feeds import link, put, run, runs, send, work
from tests.function_app.test_series import SPRING, Customer

KILLS = 25
SEED = b"a key of thirty-two bytes, ours."


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "received"
    folder.mkdir()
    with server.running(folder) as found:
        found.ours = asyncssh.import_private_key(sftp.private_key(SEED))
        yield found


@pytest.fixture
def services(api: Api) -> Iterator[Services]:
    """Let the app work with a key of its own."""
    outbox = api.services.settings.outbox
    assert outbox is not None
    chosen = replace(api.services.settings, outbox=replace(outbox, sftp_key=base64.b64encode(SEED).decode()))
    with api.using(replace(api.services, settings=chosen)):
        yield api.services


def receive(customer: Customer, double: Server, *, with_manifest: bool = True) -> None:
    """Let the files of the feed `daily` go to the server."""
    given = ("127.0.0.1", double.port, "metering", double.public_host_key())

    def connect(feed: Feed) -> Feed:
        receiver = Receiver(*given, with_manifest=with_manifest, after=feed.covered)
        return replace(feed, receiver=receiver)

    customer.api.services.files.feeds.change(customer.principal, "daily", connect)


def ready_to_send(customer: Customer, double: Server, *, files: int) -> list[MeteringPointId]:
    """Make a run with a file for each of so many metering points, and return them."""
    points = [customer.point() for _ in range(files)]
    put(customer, split="per-metering-point")
    receive(customer, double, with_manifest=False)
    customer.deliver([line for each in points for line in delivering.values(each, SPRING, ["1.000"] * 23)])
    work(customer.api)
    return points


def dispatch(services: Services) -> int:
    """Send all that waits; messages that are delayed still wait."""
    outbox = services.settings.outbox
    assert outbox is not None
    return waiting.drain(outbox.queues, "sends", services.files.send)


def received(double: Server) -> dict[str, str]:
    """Return the SHA-256 of each file that the server has under its name; half a file is not one yet."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in double.folder.iterdir()
        if path.suffix != sftp.PART_SUFFIX
    }


def ledger_of(services: Services, customer: Customer) -> dict[str, str]:
    """Return the SHA-256 of each file in the ledger, by name."""
    found = services.files.ledger.of(customer.principal, "daily")
    return {
        file.name: file.sha256
        for each in found
        for file in (*services.files.ledger.files(each), *([each.manifest] if each.manifest else ()))
    }


def stored(services: Services, customer: Customer) -> Run:
    return next(iter(services.files.ledger.of(customer.principal, "daily")))


def test_a_run_is_sent_with_its_manifest_last(customer: Customer, services: Services, double: Server) -> None:
    point = customer.point()
    put(customer, split="per-metering-point")
    receive(customer, double)
    customer.days(point, SPRING, 1)
    work(customer.api)

    dispatch(services)

    found = runs(customer)[0]
    assert (found["status"], found["attempts"]) == ("sent", 1)
    assert received(double) == ledger_of(services, customer)
    assert double.renamed[-1].endswith("_manifest.json")
    assert customer.get("/v1/feeds/daily").json["receiver"] == "sftp"


def test_a_receiver_may_have_no_manifest(customer: Customer, services: Services, double: Server) -> None:
    point = customer.point()
    put(customer)
    receive(customer, double, with_manifest=False)
    customer.days(point, SPRING, 1)
    work(customer.api)

    dispatch(services)

    assert [name.endswith(".csv") for name in received(double)] == [True]


def test_later_runs_wait_for_one_that_failed_and_follow_it(
    customer: Customer, services: Services, double: Server, caplog: pytest.LogCaptureFixture
) -> None:
    point = customer.point()
    put(customer)
    receive(customer, double, with_manifest=False)
    double.fault = "fails"
    for day in range(2):
        customer.days(point, SPRING + timedelta(days=day), 1)
        work(customer.api)
    dispatch(services)
    waiting = runs(customer)
    assert [(each["status"], each["attempts"]) for each in waiting] == [("ready", 0), ("ready", 1)]
    assert received(double) == {}
    assert "try 1 failed" in caplog.text

    double.fault = "none"
    dispatcher = services.files.dispatcher
    dispatcher.handle(f"{customer.principal}/daily")  # Too early: nothing is sent.
    early = received(double)
    later = Clock(datetime.now(UTC) + timedelta(minutes=2))
    with customer.api.using(replace(services, clock=later)):
        customer.api.services.files.dispatcher.handle(f"{customer.principal}/daily")

    assert early == {}
    assert [each["status"] for each in runs(customer)] == ["sent", "sent"]
    assert [Path(name).name for name in double.renamed] == [
        each["files"][0]["name"] for each in reversed(runs(customer))
    ]


def test_a_run_that_is_never_taken_fails_and_can_be_sent_again(
    customer: Customer, services: Services, double: Server, caplog: pytest.LogCaptureFixture
) -> None:
    point = customer.point()
    put(customer)
    receive(customer, double)
    double.fault = "refuses"
    customer.days(point, SPRING, 1)
    found = run(customer)
    clock = Clock(datetime.now(UTC))

    with customer.api.using(replace(services, clock=clock)):
        for wait in (*limits.SFTP_WAITS, timedelta(0)):
            customer.api.services.files.dispatcher.handle(f"{customer.principal}/daily")
            clock.now += wait
    failed = runs(customer)[0]
    double.fault = "none"
    send(customer, "POST", f"/daily/runs/{found['run']}/resend")
    work(customer.api)
    dispatch(services)

    assert (failed["status"], failed["problem"]["code"]) == ("failed", "not-sent")
    assert failed["attempts"] == len(limits.SFTP_WAITS) + 1
    assert "for a day: the server refused our key or user. The next run includes its days." in caplog.text
    assert runs(customer)[0]["status"] == "sent"
    assert received(double) == ledger_of(services, customer)


def test_a_server_with_another_host_key_gets_nothing(
    customer: Customer, services: Services, double: Server
) -> None:
    point = customer.point()
    put(customer)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    receive(customer, double)
    customer.api.services.files.feeds.change(
        customer.principal,
        "daily",
        lambda found: replace(found, receiver=Receiver("127.0.0.1", double.port, "metering", other)),
    )
    customer.days(point, SPRING, 1)
    work(customer.api)

    dispatch(services)

    assert received(double) == {}
    assert runs(customer)[0]["attempts"] == 1


def test_what_may_no_longer_be_read_is_not_sent(
    customer: Customer, services: Services, double: Server
) -> None:
    keeping, losing = customer.point(), customer.point()
    put(customer, split="per-metering-point")
    receive(customer, double)
    for each in (keeping, losing):
        customer.days(each, SPRING, 1)
    work(customer.api)

    customer.api.revoke(customer.principal, losing)
    dispatch(services)
    assert received(double) == {}
    work(customer.api)
    dispatch(services)

    assert [losing in name for name in received(double)] == [False, False]
    assert received(double) == ledger_of(services, customer)


def test_files_that_are_gone_are_made_again(customer: Customer, services: Services, double: Server) -> None:
    point = customer.point()
    put(customer)
    receive(customer, double)
    customer.days(point, SPRING, 1)
    work(customer.api)
    services.files.outbox.delete(stored(services, customer).folder)

    dispatch(services)
    assert received(double) == {}
    work(customer.api)
    dispatch(services)

    assert received(double) == ledger_of(services, customer)


def test_a_paused_feed_sends_nothing_and_goes_on_where_it_stopped(
    customer: Customer, services: Services, double: Server
) -> None:
    point = customer.point()
    put(customer)
    receive(customer, double)
    customer.days(point, SPRING, 1)
    work(customer.api)
    pause = services.files.feeds.change
    pause(customer.principal, "daily", lambda found: replace(found, is_paused=True))
    dispatch(services)
    customer.days(point, SPRING + timedelta(days=1), 1)
    work(customer.api)
    assert (received(double), len(runs(customer))) == ({}, 1)

    pause(customer.principal, "daily", lambda found: replace(found, is_paused=False))
    work(customer.api)
    later = Clock(datetime.now(UTC) + timedelta(minutes=21))
    with customer.api.using(replace(services, clock=later)):
        customer.api.services.sweep_files()  # The message of the first run was taken while it was paused.
    dispatch(services)

    assert [each["status"] for each in runs(customer)] == ["sent", "sent"]


def test_a_feed_without_a_server_is_not_sent(customer: Customer, services: Services) -> None:
    customer.point()
    put(customer)

    services.files.send(f"{customer.principal}/daily")
    services.files.send(f"{customer.principal}/absent")

    assert runs(customer) == []


@pytest.mark.parametrize("key", [None, "@Microsoft.KeyVault(SecretUri=https://vault.example.com/secrets/a)"])
def test_without_a_key_that_can_be_read_all_but_sending_works(api: Api, key: str | None) -> None:
    given = {**environment.stack(Ports()), "SFTP_KEY": key or ""}
    outbox = settings.from_environment(given).outbox
    chosen = replace(api.services.settings, outbox=outbox)

    with (
        api.using(replace(api.services, settings=chosen)),
        pytest.raises(InvalidSettings, match="SFTP_KEY"),
    ):
        api.services.files.send("app:1/daily")


def test_a_message_that_names_no_feed_is_refused(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UnknownMessage):
        services.files.send("daily")
    services.queues.send(queues.SENDS_POISON, "daily")
    services.files.fail_poisoned()

    assert "Files failed: a message that names no work of the app." in caplog.messages


def test_while_another_process_sends_the_message_comes_again(
    customer: Customer, services: Services, double: Server
) -> None:
    point = customer.point()
    put(customer)
    receive(customer, double)
    customer.days(point, SPRING, 1)
    work(customer.api)

    with lease(services, customer).held(services.clock):
        dispatch(services)
        during = received(double)
    services.files.send(f"{customer.principal}/daily")  # The queue would hide it for a minute.

    assert during == {}
    assert received(double) == ledger_of(services, customer)


def lease(services: Services, customer: Customer) -> Lease:
    """Take the lease of the feed `daily`, as another process would."""
    of_feed = ledger.work_of(customer.principal, "daily")
    return leases.take(services.tables, of_feed, holder="another", now=services.clock())


@dataclass
class Recording:
    """A transport that does something when a file is sent."""

    act: Callable[[], object]
    names: list[str] = field(default_factory=list)

    @contextmanager
    def connected(self, receiver: Receiver) -> Iterator["Recording"]:
        yield self

    def send(self, file: Path, *, name: str) -> None:
        self.names.append(name)
        self.act()


def test_a_process_that_lost_its_lease_stops(
    customer: Customer, services: Services, double: Server, caplog: pytest.LogCaptureFixture
) -> None:
    points = [customer.point() for _ in range(3)]
    put(customer, split="per-metering-point")
    receive(customer, double)
    for each in points:
        customer.days(each, SPRING, 1)
    work(customer.api)
    clock = Clock(datetime.now(UTC))

    def another_takes_over() -> None:
        clock.now += 2 * leases.LASTS
        lease(customer.api.services, customer)

    transport = Recording(another_takes_over)
    with customer.api.using(replace(services, clock=clock)):
        replace(customer.api.services.files.dispatcher, transport=transport).handle(
            f"{customer.principal}/daily"
        )

    assert len(transport.names) == 1
    assert "sending stopped: another run took over" in caplog.text
    assert stored(services, customer).status is RunStatus.READY


def test_access_that_ends_while_files_are_sent_ends_the_sending(
    customer: Customer, services: Services, double: Server
) -> None:
    points = ready_to_send(customer, double, files=NOTED_EACH + 2)
    losing = max(points)

    transport = Recording(lambda: customer.api.revoke(customer.principal, losing))
    replace(services.files.dispatcher, transport=transport).handle(f"{customer.principal}/daily")

    assert len(transport.names) == NOTED_EACH
    assert stored(services, customer).status is RunStatus.BUILDING


def test_a_run_fetched_by_a_link_whose_access_ends_is_made_again_for_the_server(
    customer: Customer, services: Services, double: Server
) -> None:
    points = ready_to_send(customer, double, files=2)
    losing = max(points)
    shown = runs(customer)[0]
    assert link(customer, shown["files"][0]["href"]).status == 302

    customer.api.revoke(customer.principal, losing)
    services.revoke_files()
    work(customer.api)
    dispatch(services)

    assert [each["status"] for each in runs(customer)] == ["sent"]
    assert [name.split("_")[2][:18] for name in received(double)] == [min(points)]


def test_runs_from_before_a_server_was_entered_do_not_go_there(
    customer: Customer, services: Services, double: Server
) -> None:
    theirs, others = customer.point(customer=1), customer.point(customer=2)
    put(customer)
    for each in (theirs, others):
        customer.days(each, SPRING, 1)
    work(customer.api)
    put(customer, customerNumber=1)

    receive(customer, double, with_manifest=False)
    services.files.send(f"{customer.principal}/daily")
    before = received(double)
    customer.days(theirs, SPRING + timedelta(days=1), 1)
    work(customer.api)
    dispatch(services)

    assert before == {}
    assert [each["status"] for each in runs(customer)] == ["sent", "ready"]
    assert len(received(double)) == 1


def test_sending_is_left_to_another_message_before_the_host_ends_it(
    customer: Customer, services: Services, double: Server
) -> None:
    ready_to_send(customer, double, files=NOTED_EACH + 2)
    clock = Clock(datetime.now(UTC))

    def a_minute() -> None:
        clock.now += timedelta(minutes=1)

    transport = Recording(a_minute)
    with customer.api.using(replace(services, clock=clock)):
        replace(customer.api.services.files.dispatcher, transport=transport).handle(
            f"{customer.principal}/daily"
        )
        stopped = stored(services, customer)
        clock.now += leases.LASTS
        dispatch(customer.api.services)

    assert (len(transport.names), stopped.sent_files) == (15, 15)
    assert len(received(double)) == NOTED_EACH + 2 - 15
    assert stored(services, customer).status is RunStatus.SENT


def test_a_message_that_failed_for_good_counts_as_a_try(
    customer: Customer, services: Services, double: Server
) -> None:
    point = customer.point()
    put(customer)
    receive(customer, double, with_manifest=False)
    customer.days(point, SPRING, 1)
    work(customer.api)

    def fail() -> int:
        for feed_id in ("daily", "absent"):
            services.queues.send(queues.SENDS_POISON, f"{customer.principal}/{feed_id}")
        services.files.fail_poisoned()
        return stored(services, customer).attempts

    with lease(services, customer).held(services.clock):
        while_another_sends = fail()
    tries = [while_another_sends, fail(), fail()]  # The next try is not due yet.

    assert tries == [0, 1, 1]
    assert stored(services, customer).status is RunStatus.READY


def test_a_failed_try_of_an_earlier_handing_out_does_not_count(
    customer: Customer, services: Services, double: Server
) -> None:
    ready_to_send(customer, double, files=1)
    files = services.files
    earlier = stored(services, customer)
    ledger.reopen(files.feeds, files.ledger, earlier, lambda each: each.reopened(now=services.clock()))

    files.runs.note_not_sent(earlier, "the server did not answer")

    again = stored(services, customer)
    assert (again.attempts, again.next_attempt_at) == (0, None)


def test_a_server_that_is_entered_while_another_is_sent_to_gets_all_files(
    customer: Customer, services: Services, double: Server
) -> None:
    ready_to_send(customer, double, files=NOTED_EACH + 2)

    def move() -> None:
        """As `add-sftp` does, while the last file before a note is sent."""
        if len(transport.names) == NOTED_EACH:
            customer.api.services.files.feeds.change(
                customer.principal,
                "daily",
                lambda feed: replace(feed, receiver=feed.receiver and replace(feed.receiver, folder="other")),
            )
            ledger.reopen(
                services.files.feeds,
                services.files.ledger,
                stored(services, customer),
                lambda run: run.reopened(now=services.clock()),
            )

    transport = Recording(move)
    replace(services.files.dispatcher, transport=transport).handle(f"{customer.principal}/daily")
    after = Recording(lambda: None)
    replace(services.files.dispatcher, transport=after).handle(f"{customer.principal}/daily")

    assert len(transport.names) == NOTED_EACH
    assert len(after.names) == NOTED_EACH + 2
    assert stored(services, customer).status is RunStatus.SENT


def test_slow_files_are_noted_before_the_host_ends_the_process(
    customer: Customer, services: Services, double: Server
) -> None:
    ready_to_send(customer, double, files=8)
    clock = Clock(datetime.now(UTC))

    def four_minutes() -> None:
        clock.now += timedelta(minutes=4)

    transport = Recording(four_minutes)
    with customer.api.using(replace(services, clock=clock)):
        replace(customer.api.services.files.dispatcher, transport=transport).handle(
            f"{customer.principal}/daily"
        )

    assert (len(transport.names), stored(services, customer).sent_files) == (4, 4)


def test_a_newer_run_waits_for_an_older_one_that_is_made_again(
    customer: Customer, services: Services, double: Server
) -> None:
    point = customer.point()
    put(customer)
    receive(customer, double, with_manifest=False)
    for day in range(2):
        customer.days(point, SPRING + timedelta(days=day), 1)
        work(customer.api)
    older = list(services.files.ledger.of(customer.principal, "daily"))[-1]

    services.files.runs.repeat(older)
    dispatch(services)
    during = received(double)
    work(customer.api)
    dispatch(services)

    assert during == {}
    assert [name.split("_")[1] for name in double.renamed] == [
        each["run"] for each in reversed(runs(customer))
    ]


def test_a_send_that_is_cut_goes_on_from_what_was_noted(
    customer: Customer, services: Services, double: Server
) -> None:
    points = [customer.point() for _ in range(25)]
    put(customer, split="per-metering-point")
    receive(customer, double)
    for each in points:
        customer.days(each, SPRING, 1)
    work(customer.api)
    found = stored(services, customer)
    feed = services.files.feeds.get(customer.principal, "daily")
    assert feed is not None
    assert feed.receiver is not None
    place = feed.receiver.place
    services.files.ledger.change(found, lambda now: replace(now, sent_files=20, sent_to=place))

    dispatch(services)

    assert len(double.renamed) == 6
    assert stored(services, customer).status is RunStatus.SENT


@pytest.mark.slow
def test_sends_that_are_killed_leave_each_file_once_and_whole(
    customer: Customer, services: Services, double: Server, tmp_path: Path
) -> None:
    points = [customer.point() for _ in range(6)]
    put(customer, split="per-metering-point")
    receive(customer, double)
    for day in range(2):
        for each in points:
            customer.days(each, SPRING + timedelta(days=day), 1)
        work(customer.api)
    outbox = services.settings.outbox
    assert outbox is not None
    key = tmp_path / "key"
    key.write_text(sftp.private_key(SEED), encoding="utf-8")
    chance = random.Random(25)
    message = f"{customer.principal}/daily"
    command = [sys.executable, "-m", "tests.builders.processes.sending", outbox.storage]

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def send_for(seconds: float) -> bool:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{message} {key} {seconds}\n")
            process.stdin.flush()
            return process.stdout.readline() == "done\n"

        began = time.monotonic()
        assert send_for(600)
        whole = time.monotonic() - began
        kills = 0
        while kills < KILLS:
            for found in list(services.files.ledger.of(customer.principal, "daily")):
                if found.status is not RunStatus.READY:
                    services.files.feeder.resend(found)
            for path in double.folder.iterdir():
                path.unlink()
            while not send_for(chance.uniform(0.02, whole)):
                kills += 1
        process.stdin.close()
    dispatch(services)

    assert {each.status for each in services.files.ledger.of(customer.principal, "daily")} == {RunStatus.SENT}
    assert received(double) == ledger_of(services, customer)
    assert sorted(blobs(services, customer)) == sorted(received(double))
    assert list(double.folder.glob(f"*{sftp.PART_SUFFIX}")) == []


def blobs(services: Services, customer: Customer) -> list[str]:
    return [
        path.rpartition("/")[2]
        for path in services.files.outbox.paths(f"feeds/{customer.principal.replace(':', '-')}/")
    ]


def test_the_key_pair_follows_from_the_setting() -> None:
    private = [asyncssh.import_private_key(sftp.private_key(SEED)) for _ in range(2)]

    for each in private:  # The texts differ: the format has a random number in it.
        assert each.export_public_key().decode().split()[:2] == sftp.public_key(SEED).split()
