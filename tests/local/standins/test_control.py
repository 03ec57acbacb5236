"""Data, faults and counts of the stand-ins, to order."""

import httpx
import pytest

from local.standins import faults
from tests.builders.standins import Service

CUSTOMERS = "/severa/rest-api/v1/customers"


@pytest.fixture
def service(running: Service) -> Service:
    running.reset()
    running.time.sleep(2)
    return running


def statuses(service: Service, count: int, path: str = CUSTOMERS) -> list[int]:
    return [service.control.get(path).status_code for _ in range(count)]


def test_it_is_ready_when_it_says_so(service: Service) -> None:
    assert service.control.get("/healthz").status_code == 200


def test_a_fault_hits_the_ordered_requests_and_is_over(service: Service) -> None:
    service.order("answer", CUSTOMERS, nth=2, times=2, status=503)

    assert statuses(service, 5) == [401, 503, 503, 401, 401]


def test_a_fault_hits_the_paths_that_its_pattern_fits(service: Service) -> None:
    service.order("answer", f"{CUSTOMERS}/*/customvalues", times=9, status=503)

    assert statuses(service, 1) == [401]
    assert statuses(service, 1, f"{CUSTOMERS}/c1/customvalues") == [503]


def test_a_cut_connection_ends_in_the_middle_of_the_body(service: Service) -> None:
    service.order("cut", "/graph/v1.0/users")

    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        httpx.get(f"{service.url}/graph/v1.0/users")


@pytest.mark.parametrize("body", ["{", "[]", '{"kind": "earthquake"}', '{"kind": "cut", "when": "now"}'])
def test_an_order_that_is_not_understood_is_refused_with_what_is_known(service: Service, body: str) -> None:
    answer = service.control.post("/control/faults", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_every_kind_of_fault_is_explained(service: Service) -> None:
    assert service.control.get("/control/faults").json() == faults.KINDS


def test_requests_are_counted_by_path_and_status(service: Service) -> None:
    statuses(service, 2)
    service.time.sleep(1)
    statuses(service, 1)

    seen = service.requests()

    assert (seen["total"], seen["paths"], seen["statuses"]) == (3, {CUSTOMERS: 3}, {"401": 3})
    assert seen["busiestSeveraSecond"] == 2
    assert seen["requests"][0] == {"method": "GET", "target": CUSTOMERS, "status": 401}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '{"kunder": []}',
        '{"customers": {}}',
        '{"customers": ["c1"]}',
        '{"customValues": [{"guid": "v"}]}',
    ],
)
def test_data_that_does_not_fit_is_refused_and_changes_nothing(service: Service, body: str) -> None:
    before = service.control.get("/control/severa").json()

    answer = service.control.put("/control/severa", content=body)

    assert answer.status_code == 400
    assert service.control.get("/control/severa").json() == before


def test_a_reset_brings_back_the_first_data_and_forgets_faults_and_requests(service: Service) -> None:
    first = (service.control.get("/control/severa").json(), service.graph())
    service.order("answer", CUSTOMERS, status=503)
    service.put_severa()
    service.put_graph()

    service.reset()

    assert (service.control.get("/control/severa").json(), service.graph()) == first
    assert service.requests()["total"] == 0
    assert statuses(service, 1) == [401]
