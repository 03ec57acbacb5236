"""Real answers agree with the documented models, and the documented operations are the routes."""

import itertools
import json
from datetime import date
from typing import Any

import pytest

from contract import document
from contract.operations import OPERATIONS
from local.functionhost.functions import HttpFunction
from shared import metering
from shared.access.grant import Grant, Span
from shared.api import boundary, models
from shared.api.changes.models import Changes
from shared.api.insights.models import CompletenessPage, PeaksPage, TotalPage
from shared.api.listings.models import CustomerList, MeteringPoint, MeteringPointPage
from shared.api.series.models import ManySeries, Series
from shared.metering import MeteringPointId
from tests.builders import warehouse as delivering
from tests.builders.api import Api
from tests.function_app.conftest import Deliver

PRINCIPAL = "app:5a5e0000-0000-4000-8000-0000000000ca"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def point(api: Api, deliver: Deliver) -> MeteringPointId:
    """Return a metering point with a day of hours, one of them missing."""
    payload = f"70705757{next(_numbers):09d}"
    made = metering.parse_metering_point_id(payload + metering.check_digit(payload))
    api.grant(Grant(PRINCIPAL, made, 7, "Customer 7", (Span(date(2024, 5, 1), None),), "test"))
    deliver(delivering.values(made, date(2026, 3, 29), ["1.000"] * 22 + [""]))
    return made


@pytest.mark.parametrize(
    ("path", "given", "model"),
    [
        ("/v1/customers", {}, CustomerList),
        ("/v1/metering-points", {"limit": 1}, MeteringPointPage),
        ("/v1/metering-points/{}", {}, MeteringPoint),
        ("/v1/metering-points/{}/consumption", {"date": "2026-03-29"}, Series),
        (
            "/v1/metering-points/{}/consumption",
            {"date": "2026-03-29", "layout": "days"},
            Series,
        ),
        (
            "/v1/metering-points/{}/consumption",
            {"from_": "2026-01-01", "resolution": "P1M"},
            Series,
        ),
        ("/v1/metering-points/{}/production", {"date": "2026-03-29"}, Series),
        (
            "/v1/consumption",
            {"from_": "2026-01-01", "resolution": "P1Y", "layout": "days"},
            ManySeries,
        ),
        (
            "/v1/production",
            {"date": "2026-03-29", "meteringPointId": "707057500000010017"},
            ManySeries,
        ),
        ("/v1/consumption/total", {"from_": "2026-03-29", "to": "2026-03-30"}, TotalPage),
        ("/v1/production/total", {"date": "2026-03-29", "resolution": "PT1H"}, TotalPage),
        ("/v1/consumption/total", {"from_": "2026-01-01", "resolution": "P1M"}, TotalPage),
        ("/v1/consumption/peaks", {"month": "2026-03"}, PeaksPage),
        ("/v1/production/peaks", {"date": "2026-03-29", "of": "hours"}, PeaksPage),
        ("/v1/completeness", {"from_": "2026-03-28", "to": "2026-03-31"}, CompletenessPage),
        ("/v1/completeness", {"from_": "2026-03-01", "resolution": "P1M"}, CompletenessPage),
        ("/v1/changes", {}, Changes),
        ("/v1/changes", {"since": "2026-01-01"}, Changes),
        ("/v1/status", {}, models.Status),
    ],
)
def test_an_answer_is_as_documented(
    api: Api, point: MeteringPointId, path: str, given: dict[str, Any], model: type[models.Answer]
) -> None:
    answer = api.get(path.format(point), principal=PRINCIPAL, **given)

    assert answer.status == 200
    assert answer.headers["Cache-Control"] in ("private, no-cache", "no-store")
    model.model_validate_json(answer.body)


@pytest.mark.parametrize(
    ("path", "given", "model"),
    [
        ("/v1/customers", {}, CustomerList),
        ("/v1/metering-points", {}, MeteringPointPage),
        ("/v1/metering-points/{}", {}, MeteringPoint),
        ("/v1/completeness", {"from_": "2026-03-28", "to": "2026-03-31"}, CompletenessPage),
    ],
)
def test_a_list_has_the_bytes_that_its_model_would_write(
    api: Api, point: MeteringPointId, path: str, given: dict[str, Any], model: type[models.Answer]
) -> None:
    answer = api.get(path.format(point), principal=PRINCIPAL, **given)

    as_model = model.model_validate_json(answer.body)
    assert answer.body.decode() == as_model.model_dump_json(by_alias=True)


def test_the_documented_operations_are_the_routes(api: Api) -> None:
    routes = {
        f"/{each.route.template.removeprefix('v1/')}"
        for each in api.indexed
        if isinstance(each, HttpFunction)
    }

    resources_of_app = routes - {"/{*anyPath}"}
    assert {each.path for each in OPERATIONS} == resources_of_app - {"/health"}
    assert set(json.loads(document.to_read())["paths"]) == resources_of_app - {"/health"}
    assert {f"/{path}" for path in boundary.PATHS} == resources_of_app
