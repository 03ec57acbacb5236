"""Who is notified of what: each event once, nothing without a readable day, and nothing lost to a kill."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from shared import readable as readables
from shared.access import grants, runs
from shared.access.grant import Grant, Span
from shared.access.grants import Grants
from shared.access.sync import changes, store
from shared.metering import MeteringPointId
from shared.notices import news as news_module
from shared.notices.news import News, ReadableDays
from shared.notices.sealed_secrets import SecretBox
from shared.notices.webhooks import KEPT, Event, NoticeStatus, partition_of_notices
from shared.publishing import announce, watermark
from shared.publishing.watermark import Publications
from shared.tables import NOTICES, WEBHOOKS, Tables, TablesUnavailable
from shared.warehouse.engine import Warehouse
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, SHOP, Clock, Deliverer, Recorded, values
from tests.doubles.webhook import Receiver
from tests.shared.notices.services import BOX, KEY, Notices

ALICE = "app:5a5e0000-0000-4000-8000-00000000000a"
BERIT = "app:5a5e0000-0000-4000-8000-00000000000b"
DAY, NEXT = date(2026, 3, 29), date(2026, 3, 30)


class World:
    """A warehouse, grants and webhooks, with news between them."""

    def __init__(self, storage: Tables, warehouse: Warehouse, clock: Clock, deliverer: Deliverer) -> None:
        self.storage, self.clock, self.deliverer = storage, clock, deliverer
        self.warehouse = Recorded(warehouse)
        self.notices = Notices(storage, clock)
        self.synced_at: datetime | None = None
        self.grants = Grants(tables=storage, max_age=KEPT, clock=clock, monotonic=clock.seconds)
        self.publications = Publications(tables=storage, monotonic=clock.seconds)
        self.news = self.made()
        self.confirm()

    def made(self, *, at_once: int = 1_000) -> News:
        """Return the news of a process of its own."""
        return News(
            store=self.notices.store,
            sending=self.notices.attempts,
            box=BOX,
            warehouse=self.warehouse,
            grants=self.grants,
            publications=self.publications,
            synced_at=lambda: runs.completed_at(self.storage),
            cursor=lambda first: f"cursor-{first}",
            clock=self.clock,
            at_once=at_once,
        )

    def grant(self, principal: str, *points: str, span: Span = Span(None, None)) -> None:  # noqa: B008  # Frozen.
        """Let a caller read metering points, as a sync does."""
        wanted = [Grant(principal, MeteringPointId(each), 1, "Customer", (span,), "test") for each in points]
        partition = store.read_partition(self.storage, principal)
        stored = {key: each.grant for key, each in partition.grants.items()}
        planned = changes.plan(stored=stored, wanted={each.key: each for each in wanted})
        writer = store.Writer(self.storage, partition, run_id=runs.new_run_id(self.clock()))
        writer.write(planned.changes, now=self.clock())
        writer.finish()
        self.confirm()

    def confirm(self) -> None:
        """Note a complete sync."""
        now = self.clock()
        runs.record(self.storage, runs.Run("run", "complete", now, now, now, {}, "", True, None))

    def register(self, principal: str, receiver: Receiver, *events: str, webhook_id: str = "main") -> None:
        """Give a caller a confirmed webhook."""
        self.notices.versions[principal] = self.grants.version(principal) or ""
        self.notices.registry.put(principal, webhook_id, url=receiver.url, events=events)
        self.notices.run()
        receiver.received.clear()

    def publish(self, *days: tuple[str, date, str]) -> None:
        """Publish days, each with one value in all hours, and bring the watermark up to date."""
        self.deliverer.load([line for each in days for line in values(each[0], each[1], [each[2]] * 23)])
        announce.publish_pending(self.warehouse, publications=self.publications, clock=self.clock)

    def handle(self, news: News | None = None) -> int:
        """Handle what is new, deliver it a little later, and return the number of notices."""
        begun = (news or self.news).handle()
        self.notices.run_until_empty(most=timedelta(minutes=1))
        return begun


@pytest.fixture
def world(storage: Tables, warehouse: Warehouse, clock: Clock, deliverer: Deliverer) -> World:
    made = World(storage, warehouse, clock, deliverer)
    made.handle()
    return made


@pytest.fixture
def other() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def data(receiver: Receiver) -> list[dict[str, object]]:
    import json

    return [json.loads(each.body)["data"] for each in receiver.received]


def published(world: World, receiver: Receiver) -> None:
    """Give Alice the house and a webhook, and publish a first day of something else."""
    world.grant(ALICE, HOUSE)
    world.register(ALICE, receiver, Event.PUBLISHED)
    world.publish((SHOP, DAY, "1"))
    world.handle()
    assert receiver.received == []


def test_a_caller_hears_of_its_own_days_alone(world: World, receiver: Receiver, other: Receiver) -> None:
    world.grant(ALICE, HOUSE, CABIN)
    world.grant(BERIT, SHOP)
    world.register(ALICE, receiver, Event.PUBLISHED)
    world.register(BERIT, other, Event.PUBLISHED)
    world.publish((SHOP, DAY, "0"))
    world.handle()
    other.received.clear()

    world.publish((HOUSE, DAY, "1"), (CABIN, NEXT, "2"))
    begun = world.handle()

    assert begun == 1
    assert other.received == []
    assert data(receiver) == [
        {
            "sequence": 2,
            "cursor": "cursor-2",
            "days": 2,
            "firstDate": "2026-03-29",
            "lastDate": "2026-03-30",
        }
    ]


def test_nobody_hears_of_what_some_instances_do_not_know_yet(world: World, receiver: Receiver) -> None:
    published(world, receiver)
    world.register(ALICE, receiver, Event.PUBLISHED, Event.ACCESS_CHANGED)
    world.publish((HOUSE, DAY, "1"))
    world.grant(ALICE, HOUSE, CABIN)

    begun_at = world.clock()
    world.news.handle()
    due = sorted(at - begun_at for at, _ in world.notices.queue.waiting)
    world.notices.run()
    early = list(receiver.received)
    world.notices.run_until_empty(most=timedelta(minutes=1))

    assert due == [grants.SETTLED_AFTER, news_module.WAITS_TIMES * watermark.SETTLED_AFTER]
    assert early == []
    assert [each.type for each in receiver.received] == ["access.changed", "metering.published"]


def test_the_first_publication_of_all_is_notified(world: World, receiver: Receiver) -> None:
    world.grant(ALICE, HOUSE)
    world.register(ALICE, receiver, Event.PUBLISHED)

    world.publish((HOUSE, DAY, "1"))

    assert world.handle() == 1
    assert [each["sequence"] for each in data(receiver)] == [1]


def test_nothing_new_is_sent_to_nobody(world: World, receiver: Receiver) -> None:
    published(world, receiver)
    statements = len(world.warehouse.statements)

    assert world.handle() == 0
    assert len(world.warehouse.statements) == statements


def test_what_was_published_before_the_first_run_is_history(
    storage: Tables, warehouse: Warehouse, clock: Clock, deliverer: Deliverer, receiver: Receiver
) -> None:
    made = World(storage, warehouse, clock, deliverer)
    made.grant(ALICE, HOUSE)
    made.register(ALICE, receiver, Event.PUBLISHED)
    made.publish((HOUSE, DAY, "1"))

    assert made.handle() == 0
    assert receiver.received == []


def test_days_outside_the_grant_are_not_counted(world: World, receiver: Receiver) -> None:
    published(world, receiver)
    world.grant(ALICE, HOUSE, span=Span(NEXT, None))
    world.clock.forward(minutes=1)

    world.publish((HOUSE, DAY, "1"), (HOUSE, NEXT, "1"))
    world.handle()

    assert [(each["days"], each["firstDate"]) for each in data(receiver)] == [(1, "2026-03-30")]


def test_a_publication_of_days_outside_the_grant_is_not_notified(world: World, receiver: Receiver) -> None:
    published(world, receiver)
    world.grant(ALICE, HOUSE, span=Span(NEXT, None))
    world.clock.forward(minutes=1)

    world.publish((HOUSE, DAY, "1"))

    assert world.handle() == 0


def test_a_correction_is_sent_and_the_same_values_again_are_not(world: World, receiver: Receiver) -> None:
    published(world, receiver)
    for kwh in ("1", "2", "2"):
        world.publish((HOUSE, DAY, kwh))
        world.handle()

    assert [each["sequence"] for each in data(receiver)] == [2, 3]


def test_several_publications_since_the_last_run_are_one_notice(world: World, receiver: Receiver) -> None:
    published(world, receiver)
    world.publish((HOUSE, DAY, "1"))
    world.publish((HOUSE, NEXT, "1"))
    world.publish((HOUSE, DAY, "2"))

    world.handle()

    assert [(each["sequence"], each["cursor"], each["days"]) for each in data(receiver)] == [
        (4, "cursor-2", 2)
    ]


@pytest.mark.parametrize("at_once", [1, 2, 3, 1_000])
def test_days_are_read_in_parts_without_loss(world: World, receiver: Receiver, at_once: int) -> None:
    world.grant(ALICE, HOUSE, CABIN, SHOP)
    world.register(ALICE, receiver, Event.PUBLISHED)
    world.publish((SHOP, date(2026, 1, 5), "1"))
    world.handle()
    receiver.received.clear()
    world.publish(*((point, day, "3") for point in (HOUSE, CABIN, SHOP) for day in (DAY, NEXT)))

    world.handle(world.made(at_once=at_once))

    assert [(each["days"], each["firstDate"], each["lastDate"]) for each in data(receiver)] == [
        (6, "2026-03-29", "2026-03-30")
    ]


def test_a_run_that_dies_midway_is_completed_and_nobody_hears_twice(
    world: World, receiver: Receiver, other: Receiver
) -> None:
    for principal, hears in ((ALICE, receiver), (BERIT, other)):
        world.grant(principal, HOUSE)
        world.register(principal, hears, Event.PUBLISHED)
    world.publish((SHOP, DAY, "1"))
    world.handle()
    world.publish((HOUSE, DAY, "1"))
    enqueue, left = world.notices.queue.enqueue, [1]

    def dying(text: str, delay: object) -> None:
        if not left:
            raise TablesUnavailable("killed")
        left.pop()
        enqueue(text, delay)  # type: ignore[arg-type]

    world.notices.attempts._enqueue = dying
    with pytest.raises(TablesUnavailable):
        world.handle()
    world.notices.attempts._enqueue = enqueue
    world.notices.run()
    world.publish((HOUSE, NEXT, "1"))

    world.handle()

    for hears in (receiver, other):
        assert sorted(each["sequence"] for each in data(hears)) == [2, 3]  # type: ignore[type-var]
        assert len({each.headers["webhook-id"] for each in hears.received}) == 2


def test_a_change_of_access_is_sent_once(world: World, receiver: Receiver) -> None:
    world.grant(ALICE, HOUSE)
    world.register(ALICE, receiver, Event.ACCESS_CHANGED)
    world.handle()
    world.clock.forward(minutes=1)
    world.grant(ALICE, HOUSE, CABIN)

    begun = [world.handle(), world.handle()]

    version = readables.access_version(ALICE, world.grants.version(ALICE))
    assert begun == [1, 0]
    assert data(receiver) == [{"accessVersion": version}]
    assert world.grants.portfolio(ALICE).access_version == version


def test_a_sync_that_changes_nothing_for_a_caller_sends_nothing(world: World, receiver: Receiver) -> None:
    world.grant(ALICE, HOUSE)
    world.register(ALICE, receiver, Event.ACCESS_CHANGED)
    world.clock.forward(minutes=1)
    world.grant(BERIT, SHOP)

    assert world.handle() == 0


def test_an_event_of_one_caller_goes_to_its_webhooks_that_hear_of_it(
    world: World, receiver: Receiver, other: Receiver
) -> None:
    world.register(ALICE, receiver, Event.EXPORT_FINISHED)
    world.register(ALICE, other, Event.FILE_READY, webhook_id="files")

    sent = [
        world.news.begin(ALICE, Event.EXPORT_FINISHED, data={"exportId": "e1", "status": "ready"}, key="e1")
        for _ in range(2)
    ]
    world.notices.run()

    assert sent == [1, 1]
    assert data(receiver) == [{"exportId": "e1", "status": "ready"}]
    assert other.received == []


def test_a_notice_whose_message_was_lost_is_sent_the_next_day(world: World, receiver: Receiver) -> None:
    world.register(ALICE, receiver, Event.EXPORT_FINISHED)
    world.news.begin(ALICE, Event.EXPORT_FINISHED, data={}, key="lost")
    world.notices.queue.waiting.clear()
    world.clock.forward(hours=5)
    world.news.sweep()
    world.notices.run()
    early = len(receiver.received)

    world.clock.forward(hours=24)
    world.confirm()
    world.handle()
    world.clock.forward(hours=24)
    world.confirm()
    world.handle()

    assert early == 0
    assert [each.type for each in receiver.received] == ["export.finished"]


def test_old_notices_are_deleted_after_30_days(world: World, receiver: Receiver) -> None:
    world.register(ALICE, receiver, Event.EXPORT_FINISHED)
    world.news.begin(ALICE, Event.EXPORT_FINISHED, data={}, key="old")
    world.notices.run()
    world.clock.forward(days=31)
    world.confirm()
    world.news.begin(ALICE, Event.EXPORT_FINISHED, data={}, key="new")

    world.handle()

    (webhook,) = world.notices.store.webhooks_of(ALICE)
    kept = world.notices.store.notices_of(webhook, since=datetime.min.replace(tzinfo=world.clock().tzinfo))
    assert len(kept) == 1


def test_sweeping_again_on_the_same_day_sends_nothing(world: World, receiver: Receiver) -> None:
    world.register(ALICE, receiver, Event.EXPORT_FINISHED)
    world.news.begin(ALICE, Event.EXPORT_FINISHED, data={}, key="lost")
    world.clock.forward(hours=24)
    world.news.sweep()
    sent = world.notices.queue.sent

    world.news.sweep()

    assert world.notices.queue.sent == sent


def test_a_sweep_seals_secrets_with_the_newest_key(
    world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    lost = SecretBox([b"thirty-two bytes that were lost."])
    for webhook_id in ("lost", "main", "rotated"):
        world.register(ALICE, receiver, Event.EXPORT_FINISHED, webhook_id=webhook_id)
    main = world.notices.registry.rotate(ALICE, "main").secret
    rotated = world.notices.registry.rotate(ALICE, "rotated").secret
    (before,) = (
        each.previous_secret
        for each in world.notices.store.webhooks_of(ALICE)
        if each.webhook_id == "main" and each.previous_secret is not None
    )
    world.notices.store.change_webhook(
        ALICE, "lost", lambda each: replace(each, secret=lost.seal("whsec_lost", of=each.key))
    )
    world.notices.store.change_webhook(
        ALICE, "rotated", lambda each: replace(each, previous_secret=lost.seal("whsec_lost", of=each.key))
    )
    newest = b"thirty-two bytes of a newer key."

    world.news._box = SecretBox([newest, KEY])
    world.clock.forward(hours=24)
    world.news.sweep()

    sealed = {each.webhook_id: each for each in world.notices.store.webhooks_of(ALICE)}
    alone = SecretBox([newest])
    assert alone.open(sealed["main"].secret, of=(ALICE, "main")) == main
    assert sealed["main"].previous_secret is not None
    assert alone.open(sealed["main"].previous_secret, of=(ALICE, "main")) == BOX.open(
        before, of=(ALICE, "main")
    )
    assert alone.open(sealed["rotated"].secret, of=(ALICE, "rotated")) == rotated
    assert sealed["rotated"].previous_secret is None
    assert (
        f"Webhook lost of {ALICE}: its secret cannot be opened with SEALING_KEY or SEALING_KEY_PREVIOUS, so "
        "its notices are not sent. Set the key that sealed it as SEALING_KEY_PREVIOUS; if that key is lost, "
        "the caller sends POST /webhooks/{webhookId}/secret and uses the new one."
    ) in caplog.messages


def damage(world: World, table: str, partition: str, row: str, **values: object) -> None:
    """Write something into a row that the app does not write there."""
    entity = world.storage.get(table, partition=partition, row=row)
    assert entity is not None
    world.storage.upsert(table, {**entity, **values})


def test_an_unreadable_webhook_keeps_no_notice_from_others(
    world: World, receiver: Receiver, other: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    world.grant(ALICE, HOUSE)
    world.grant(BERIT, HOUSE)
    world.register(ALICE, receiver, Event.PUBLISHED)
    world.register(BERIT, other, Event.PUBLISHED)
    damage(world, WEBHOOKS, ALICE, "main", state="paused")
    world.publish((HOUSE, DAY, "1"))

    world.handle()

    assert "The stored webhook main is unreadable and left out." in caplog.messages
    assert receiver.received == []
    assert [each.type for each in other.received] == ["metering.published"]


def test_an_unreadable_notice_keeps_no_other_from_being_swept(
    world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    world.register(ALICE, receiver, Event.EXPORT_FINISHED)
    for key in ("one", "two", "three"):
        world.news.begin(ALICE, Event.EXPORT_FINISHED, data={"exportId": key}, key=key)
    world.notices.queue.waiting.clear()
    (webhook,) = world.notices.store.webhooks_of(ALICE)
    every = world.notices.store.notices_of(webhook, since=world.clock())
    # Beside the three there is the one that confirmed the webhook, which waits for nothing.
    unreadable = sorted(each.notice_id for each in every if each.status is NoticeStatus.WAITING)[1]
    partition = partition_of_notices(*webhook.key)
    damage(world, NOTICES, partition, unreadable, nextAttemptAt="soon")

    world.clock.forward(hours=29)
    world.confirm()
    world.handle()

    assert f"The stored notice {unreadable} is unreadable and was skipped." in caplog.messages
    assert len(receiver.received) == 2


def test_without_a_key_nothing_is_done(world: World) -> None:
    world.news._box = SecretBox([])

    assert world.handle() == 0


def test_the_readable_days_are_the_same_by_a_naive_loop() -> None:
    readable = building.readable((HOUSE, DAY, NEXT), (HOUSE, NEXT, None), (CABIN, None, NEXT))
    days = {HOUSE: [(DAY, 1), (NEXT, 2)], CABIN: [(DAY, 1), (NEXT, 1)], SHOP: [(DAY, 5)]}

    assert news_module.readable_days_of(readable, days) == ReadableDays(4, DAY, NEXT)
    assert news_module.readable_days_of(readable, {SHOP: [(DAY, 5)]}) is None
    assert news_module.readable_days_of(None, days) is None
