"""The timer that loads and publishes deliveries: what it does, logs and raises."""

import logging
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from local.functionhost.functions import TimerFunction
from shared.deliveries import container, loading
from shared.deliveries.container import ContainerUnavailable
from shared.services import Services
from shared.settings import DeliverySettings
from shared.warehouse.engine import Query, Row, WarehouseUnavailable
from tests.builders import warehouse as delivering
from tests.builders.api import Api, context
from tests.builders.container import Outside
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import Customer

DAY = date(2026, 3, 29)


class Away(delivering.Recorded):
    """A warehouse that answers nothing."""

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Refuse."""
        raise WarehouseUnavailable("It is away.", retry_after=timedelta(seconds=1))


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    return Customer(api, deliver)


@pytest.fixture
def outside(api: Api, azurite: str) -> Iterator[Outside]:
    """Return a container of its own, from which the timer loads deliveries."""
    chosen = DeliverySettings(azurite, f"deliveries-{uuid4()}")
    opened = container.open_container(chosen, credential=None)
    opened.create_missing()
    with api.using(delivered_to(api, chosen)):
        yield Outside(chosen)


def delivered_to(api: Api, chosen: DeliverySettings) -> Services:
    """Return the services of an app whose deliveries arrive in a container."""
    return replace(api.services, settings=replace(api.services.settings, deliveries=chosen))


def run(api: Api) -> None:
    """Let the timer fire."""
    (timer,) = (
        each for each in api.indexed if isinstance(each, TimerFunction) and each.name == "publish_readings"
    )
    timer.call(None, context(timer.name))


def test_a_delivered_file_can_be_read_after_one_run(api: Api, customer: Customer, outside: Outside) -> None:
    point = customer.point()
    outside.put_lines("values.csv", delivering.values(point, DAY, ["1.5"] * 23))

    run(api)

    found = customer.series(point, from_="2026-03-29", to="2026-03-30", resolution="P1D")
    assert [str(each["quantity"]) for each in found["values"]] == ["34.500"]
    assert outside.names() == ["processed/values.csv"]


def test_a_rejected_file_is_logged_without_its_content_and_fails_nothing(
    api: Api, customer: Customer, outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    point = customer.point()
    outside.put_lines("bad\nvalues.csv", delivering.values(point, DAY, ["-1"]))

    with caplog.at_level(logging.INFO):
        run(api)

    (rejected,) = [each for each in caplog.messages if each.startswith("Delivery rejected: ")]
    assert rejected.endswith("Z/bad\\nvalues.csv'; see the .reasons.txt file beside it.")
    assert point not in caplog.text


def test_what_was_loaded_by_other_ways_is_published_though_the_container_is_away(
    api: Api, customer: Customer, azurite: str, tmp_path: Path
) -> None:
    point = customer.point()
    missing = delivered_to(api, DeliverySettings(azurite, "missing"))
    file = delivering.write_csv(tmp_path / "values.csv", delivering.values(point, DAY, ["1"] * 23))
    loading.load(api.services.warehouse, file, now=datetime.now(UTC), progress=lambda rows, share: None)

    with (
        api.using(missing),
        pytest.raises(ContainerUnavailable, match="ContainerNotFound"),
    ):
        run(api)

    assert len(customer.series(point, from_="2026-03-29")["values"]) == 23


def test_what_ended_the_loading_is_logged_though_publishing_fails_too(
    api: Api, azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    missing = delivered_to(api, DeliverySettings(azurite, "missing"))
    failing = replace(missing, warehouse=Away(api.services.warehouse))

    with api.using(failing), pytest.raises(WarehouseUnavailable):
        run(api)

    (ended,) = [each for each in caplog.messages if each.startswith("Loading ended early: ")]
    assert "ContainerNotFound" in ended


@pytest.mark.parametrize("fails", [False, True])
def test_files_are_swept_after_publishing_whether_or_not_that_fails(
    api: Api, customer: Customer, caplog: pytest.LogCaptureFixture, free_port: int, fails: bool
) -> None:
    customer.days(customer.point(), DAY, 1)
    settings = api.services.settings
    assert settings.outbox is not None
    away = re.sub(
        "QueueEndpoint=[^;]+", f"QueueEndpoint=http://127.0.0.1:{free_port}/away", settings.outbox.queues
    )
    outbox = replace(settings.outbox, queues=away)
    warehouse = Away(api.services.warehouse) if fails else api.services.warehouse
    changed = replace(api.services, settings=replace(settings, outbox=outbox), warehouse=warehouse)
    raised = pytest.raises(WarehouseUnavailable) if fails else nullcontext()

    with api.using(changed), caplog.at_level(logging.INFO), raised:
        run(api)

    starts = ("Data is available until", "Not all files were swept")
    noted = [start for each in caplog.messages for start in starts if each.startswith(start)]
    # Each work on files that needs the queues notes its own failure, and there is more of it with feeds.
    noted = list(dict.fromkeys(noted))
    assert noted == list(starts[1:] if fails else starts)


def test_without_a_container_the_timer_only_publishes(api: Api) -> None:
    assert api.services.settings.deliveries is None

    run(api)
