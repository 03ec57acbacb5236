"""HEAD, OPTIONS and refused methods."""

import pytest

from tests.builders.api import Api
from tests.function_app.test_problems import NOBODY, ROUTES, problem_of
from tests.function_app.test_series import SPRING, Customer


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_answered_with_those_that_are_allowed(api: Api, route: str, method: str) -> None:
    answer = api.send(method, route, principal=NOBODY)

    problem_of(answer, status=405, code="method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("route", ROUTES)
def test_options_needs_no_caller(api: Api, route: str) -> None:
    answer = api.send("OPTIONS", route, principal=None)

    assert (answer.status, answer.headers["Allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")


@pytest.mark.parametrize("path", ["/v1/meters", "/v1/customers/1", "/v1/metering-points/1/2/3"])
def test_an_unknown_path_is_a_problem_too(api: Api, path: str) -> None:
    problem = problem_of(api.get(path, principal=NOBODY), status=404, code="unknown-path")

    assert problem.instance == f"/metering{path}"


@pytest.mark.parametrize("headers", [{}, {"accept": "text/csv"}, {"accept-encoding": "gzip"}])
def test_head_is_answered_with_the_headers_of_get(api: Api, headers: dict[str, str]) -> None:
    customer = Customer(api, lambda lines: None)
    point = customer.point()
    url = f"/v1/metering-points/{point}/consumption?date={SPRING}"

    head = api.send("HEAD", url, principal=customer.principal, headers={**headers, "x-request-id": "one"})
    got = api.send("GET", url, principal=customer.principal, headers={**headers, "x-request-id": "one"})

    assert (head.status, head.headers) == (got.status, got.headers)
