"""The operator's guide has the limits that the app keeps."""

import re
from types import ModuleType

import pytest
from azure.storage import blob, queue

from local import places
from shared import limits
from shared.outside import transports

GUIDE = (places.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
_ROW = r"^\| ([A-Z][^|]+?) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \| ([\d.]+) \|$"


def test_the_guide_says_how_long_a_sync_reads() -> None:
    guide = (places.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    severa, graph = (each.total_seconds() / 60 for each in (limits.SEVERA_READING, limits.GRAPH_READING))
    assert f"reads Severa for at most {severa:g} minutes and Graph for at most {graph:g}," in guide
    assert severa + graph <= 25


def test_the_guide_says_how_long_all_queries_of_a_request_take() -> None:
    seconds = f"{limits.ANSWER.total_seconds():g}"

    assert f"All queries of one request take at most {seconds} seconds together" in GUIDE
    assert f"all queries of one request have {seconds} s together" in GUIDE


def test_the_table_of_limits_is_the_one_that_the_app_keeps() -> None:
    documented = [tuple(row) for row in re.findall(_ROW, GUIDE, re.MULTILINE)]

    assert documented == [
        (
            each.service,
            f"{each.connect:g}",
            f"{each.silence:g}",
            f"{each.answer:g}",
            str(each.tries),
            f"{each.in_all:g}",
        )
        for each in limits.OVER_HTTP
    ]


def test_all_tries_fit_into_what_a_request_may_take_in_all() -> None:
    for each in limits.OVER_HTTP:
        assert each.tries * each.answer <= each.in_all


@pytest.mark.parametrize(("policy", "limit"), [(blob, limits.BLOBS), (queue, limits.QUEUES)])
def test_so_do_the_pauses_of_the_clients_of_storage(policy: ModuleType, limit: limits.Limit) -> None:
    retry = transports.storage_retry(policy.ExponentialRetry, limit)
    longest = [
        max(retry.get_backoff_time({"count": count}) for _ in range(1_000)) for count in range(1, limit.tries)
    ]

    assert limit.tries * limit.answer + sum(longest) <= limit.in_all
