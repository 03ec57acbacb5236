"""HTTP within limits: to a service that misbehaves, through the Azure SDK's pipeline and through httpx."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpcore
import httpx
import pytest
from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest, HttpResponse

from shared import limits
from shared.access import retrying
from shared.outside import httpx_client, transports
from tests.doubles import faulty
from tests.doubles.faulty import Fault, Faulty

LIMIT = replace(limits.TABLES, connect=0.5, silence=1.5, answer=2, tries=2, in_all=6)


def through_azure(url: str) -> None:
    options = transports.azure_options(LIMIT)
    client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
        url, policies=[RetryPolicy(**options)], **options
    )
    answer = client.send_request(HttpRequest("GET", url))
    answer.raise_for_status()
    answer.json()


def through_httpx(url: str) -> None:
    with httpx_client.open_client(LIMIT) as http:
        answer = retrying.send_with_retries(
            lambda: http.get(url), limit=LIMIT, sleep=lambda _: None, clock=lambda: datetime.now(UTC)
        )
    answer.json()


@pytest.mark.parametrize("ask", [through_azure, through_httpx])
@pytest.mark.parametrize("fault", faulty.FAULTS)
def test_a_request_ends_within_its_limit_whatever_the_service_does(
    ask: Callable[[str], None], fault: Fault
) -> None:
    with Faulty() as service, service.misbehaving(fault), faulty.at_most(LIMIT.in_all):
        with pytest.raises((AzureError, retrying.GaveUp, ValueError)):
            ask(f"http://127.0.0.1:{service.port}/")

        assert service.accepted <= LIMIT.tries


def test_an_answer_that_arrives_in_time_is_whole_though_a_request_before_it_took_too_long() -> None:
    with Faulty() as service, httpx_client.open_client(LIMIT) as http:
        url = f"http://127.0.0.1:{service.port}/"

        with service.misbehaving("trickles"), pytest.raises(httpx.ReadTimeout):
            http.get(url)
        with service.misbehaving("nonsense"):
            assert http.get(url).text.startswith("<html>")


def test_each_error_of_httpcore_has_its_namesake_in_httpx() -> None:
    errors = [
        each for each in vars(httpcore).values() if isinstance(each, type) and issubclass(each, Exception)
    ]
    raised = [each for each in errors if each is not httpcore.ConnectionNotAvailable]  # Only within httpcore.

    assert len(raised) > 10
    assert all(issubclass(getattr(httpx, each.__name__), httpx.TransportError) for each in raised)
    assert all(issubclass(each, httpx_client._ERRORS) for each in raised)
