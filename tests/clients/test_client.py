"""What the client reads, waits for and raises, against the app behind the gateway."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal

import httpx
import pytest

import metering_api
from local import demo
from metering_api import Client, Credentials, LeftOut, errors
from metering_api.models import Day, Period
from tests.clients.vendor import Vendor

BAKERY = demo.METERING_POINTS[0].metering_point_id
OFFICE = demo.METERING_POINTS[2].metering_point_id
FOREIGN = demo.METERING_POINTS[9].metering_point_id
Ask = Callable[..., Iterable[object]]
"""Calls a method of the client with the metering points that it is to name."""


@pytest.fixture
def api(standing: Vendor) -> Iterator[Client]:
    standing.slept.clear()
    standing.faults.seen.clear()
    standing.confirm_access()
    with standing.client() as made:
        yield made


def test_status_customers_and_metering_points_are_read(api: Client) -> None:
    points = api.metering_points()

    assert api.status().price_areas.keys() == {"NO1", "NO4", "NO5"}
    assert [each.customer_number for each in api.customers()] == [10001, 10002]
    assert len(points) == 9
    assert points.access_version is not None
    assert api.metering_point(BAKERY) == points.points[0] == next(iter(points))
    assert points.points[0].permitted == (Period(date(2021, 5, 1), None),)


def test_days_have_the_decimals_and_times_that_were_delivered(api: Client) -> None:
    (day,) = api.consumption(from_=date(2026, 3, 29), to="2026-03-30", metering_points=[BAKERY])

    assert len(day.values) == 23
    assert [value.start.isoformat() for value in day.values[:2]] == [
        "2026-03-28T23:00:00+00:00",
        "2026-03-29T00:00:00+00:00",
    ]
    assert day.quantities[0] == Decimal("10.747")
    assert day.quality == "measured"


def test_production_and_rows_of_coarser_values_are_read(api: Client) -> None:
    produced = list(api.production(from_="2026-03-30", to="2026-04-01"))
    (row,) = api.rows(
        "consumption", from_="2026-03-30", to="2026-03-31", metering_points=[BAKERY], resolution="P1D"
    )

    assert {day.metering_point_id for day in produced} == {OFFICE}
    assert (row.quantity, row.complete, row.missing) == (Decimal("710.675"), True, 0)
    assert row.end.isoformat() == "2026-03-31T00:00:00+02:00"


def test_totals_peaks_and_completeness_are_read(api: Client) -> None:
    totals = list(api.totals("consumption", from_="2026-03-28", to="2026-03-31", customer_number=10001))
    (peaks,) = api.peaks("consumption", month="2026-03", count=2, metering_points=[BAKERY])
    (month,) = api.completeness(
        from_="2026-03-01", to="2026-04-01", resolution="P1M", metering_points=[BAKERY]
    )

    assert [each.quantity for each in totals] == [Decimal("720.282"), Decimal("447.603"), Decimal("1054.229")]
    assert totals[0].metering_points == 3
    assert [each.quantity for each in peaks.hours] == [Decimal("90.375"), Decimal("86.906")]
    assert (month.expected, month.missing, month.late) == (335, 0, False)
    assert month.counts["measured"] == 335


def test_a_refusal_has_code_parameter_and_hint(api: Client) -> None:
    with pytest.raises(errors.InvalidRequest, match="Use a market day") as refused:
        list(api.consumption(from_="2026-03-29T00:00", resolution="hour"))

    assert refused.value.code == "invalid-parameter"
    assert [each.parameter for each in refused.value.faults] == ["resolution", "from"]
    assert refused.value.parameter == "resolution"
    assert refused.value.hint == "Use one of PT15M, PT1H, P1D, P1M, P1Y."
    assert refused.value.request_id


def test_what_is_not_yours_is_not_found(api: Client) -> None:
    with pytest.raises(errors.NotFound):
        api.metering_point(FOREIGN)


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda api, **named: api.consumption(from_="2026-03-30", **named), id="days"),
        pytest.param(
            lambda api, **named: api.rows("consumption", from_="2026-03-30", resolution="P1D", **named),
            id="rows",
        ),
        pytest.param(
            lambda api, **named: api.totals("consumption", from_="2026-03-30", **named), id="totals"
        ),
        pytest.param(lambda api, **named: api.peaks("consumption", month="2026-03", **named), id="peaks"),
        pytest.param(lambda api, **named: api.completeness(from_="2026-03-30", **named), id="completeness"),
    ],
)
def test_a_call_without_place_for_what_is_not_found_raises_it(api: Client, ask: Ask) -> None:
    with pytest.raises(LeftOut, match=rf"^Not found, or not yours: {FOREIGN}\. Ask for") as refused:
        list(ask(api, metering_points=[BAKERY, FOREIGN]))

    assert (refused.value.not_found, refused.value.stored_coarser) == ((FOREIGN,), ())


@pytest.mark.parametrize("call", ["days", "rows"])
def test_days_that_are_stored_coarser_raise_an_error(api: Client, call: str) -> None:
    with pytest.raises(LeftOut, match=rf"stored coarser than asked for: {BAKERY}\. Ask for PT1H") as refused:
        list(
            getattr(api, call)(
                "consumption", from_="2026-03-30", metering_points=[BAKERY], resolution="PT15M"
            )
        )

    assert (refused.value.not_found, refused.value.stored_coarser) == ((), (BAKERY,))


def test_pages_of_series_list_what_is_left_out(api: Client) -> None:
    (page,) = api.series_pages(
        "consumption", from_="2026-03-30", metering_points=[BAKERY, FOREIGN], resolution="PT15M"
    )

    assert (page.not_found, page.stored_coarser) == ((FOREIGN,), (BAKERY,))


def test_503_is_tried_again_when_retry_after_says(standing: Vendor, api: Client) -> None:
    standing.faults.unavailable = 2

    assert api.status().data_available_until is not None

    assert [7 <= each <= 7.25 for each in standing.slept] == [True, True]
    assert standing.faults.seen == ["/v1/status"] * 3


def test_patience_has_an_end(standing: Vendor) -> None:
    standing.faults.unavailable = 3
    standing.slept.clear()

    with standing.client(patience=20) as api, pytest.raises(errors.Unavailable) as refused:
        api.status()

    assert len(standing.slept) == 2
    assert (refused.value.code, refused.value.retry_after) == ("warehouse-unavailable", 7)
    assert standing.faults.unavailable == 0


def test_an_answer_that_is_still_good_is_not_sent_again(standing: Vendor, api: Client) -> None:
    first = api.customers()
    sent = api._transport.get("/customers")
    again = api.customers()

    assert first == again
    assert sent.status == 200
    assert len(standing.faults.seen) == 3


def test_a_token_is_renewed_before_it_ends(standing: Vendor, api: Client) -> None:
    api.status()
    token = api._transport._tokens.current()
    standing.forward(1800)
    standing.confirm_access()
    api.status()
    assert api._transport._tokens.current() == token

    standing.forward(1600)
    standing.confirm_access()
    api.status()

    assert api._transport._tokens.current() != token


def test_a_token_that_ended_all_the_same_is_replaced(standing: Vendor) -> None:
    with standing.client(clock=lambda: 0.0) as api:
        api.status()
        token = api._transport._tokens.current()
        standing.forward(7200)
        standing.confirm_access()
        api.status()
        assert api._transport._tokens.current() != token


def test_a_wrong_secret_is_said_and_not_shown(standing: Vendor) -> None:
    given = {**standing.environment, "METERING_API_CLIENT_SECRET": "wrong-secret"}

    with Client.from_environment(given) as api, pytest.raises(errors.SignInFailed) as refused:
        api.status()

    assert "wrong-secret" not in str(refused.value)


@pytest.mark.parametrize("content", ["<html>Sign in to the network</html>", "[]", '{"message": "no"}'])
@pytest.mark.parametrize("refused", ["login.example", "api.example"])
def test_an_answer_of_somebody_else_is_not_taken_for_a_refusal(content: str, refused: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == refused:
            return httpx.Response(403, text=content)
        return httpx.Response(200, json={"access_token": "token", "expires_in": 3600})

    credentials = Credentials("key", "https://login.example/token", "id", "secret", "scope")
    http = httpx.Client(transport=httpx.MockTransport(answer))
    with (
        Client("https://api.example/v1", credentials, http=http) as api,
        pytest.raises(errors.UnexpectedAnswer, match="answered 403, and not as"),
    ):
        api.status()


def test_every_missing_variable_is_named() -> None:
    with pytest.raises(errors.NotConfigured, match=r"Set METERING_API_KEY, METERING_API_SCOPE\."):
        Client.from_environment(
            {f"METERING_API_{name}": "x" for name in ("URL", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET")}
        )


def test_credentials_show_no_secret() -> None:
    credentials = Credentials("the-key", "https://login.example", "id", "the-secret", "scope")

    assert "the-key" not in repr(credentials)
    assert "the-secret" not in repr(credentials)


def test_a_word_and_a_property_that_are_not_known_break_nothing() -> None:
    day = Day.of(
        {
            "meteringPointId": BAKERY,
            "direction": "consumption",
            "date": "2026-03-30",
            "start": "2026-03-30T00:00:00+02:00",
            "resolution": "PT5M",
            "quality": "validated",
            "exceptions": [{"position": 1, "quality": "guessed", "by": "somebody"}],
            "quantities": [Decimal("0.412"), None, 3],
            "temperature": 4,
        }
    )

    assert [(each.end, each.quality) for each in day.values][-1][1] == "validated"
    assert [each.quality for each in day.values] == ["validated", "guessed", "validated"]
    assert (day.values[1].start - day.values[0].start).total_seconds() == 300


def test_an_interval_of_unknown_length_has_no_end() -> None:
    day = Day(
        BAKERY, "consumption", date(2026, 3, 1), metering_api.models.utc("2026-02-28T23:00:00Z"),
        "P1W", "measured", {}, (Decimal(1),),
    )  # fmt: skip

    assert [value.end for value in day.values] == [None]


def test_days_become_a_frame(api: Client) -> None:
    frame = metering_api.to_pandas(
        api.consumption(from_="2026-03-30", to="2026-03-31", metering_points=[BAKERY])
    )

    assert len(frame) == 24
    assert round(float(frame["quantity"].sum()), 3) == 710.675
    assert str(frame["start"].dtype).startswith("datetime64")
