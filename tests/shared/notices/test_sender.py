"""What is sent where: to checked addresses alone, once, within ten seconds, whatever the receiver does."""

import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpcore
import pytest

from shared import limits
from shared.notices.sender import MOST_BYTES, Sender
from tests.doubles import certificates, webhook
from tests.doubles.webhook import Receiver, Reply
from tests.shared.notices.test_addresses import NEVER

NAME = "hooks.example.com"
URL = f"https://{NAME}/hook?x=1"
PUBLIC = "8.8.8.8"
QUICK = replace(limits.WEBHOOKS, connect=4, in_all=4)


class Network(httpcore.NetworkBackend):
    """Notes the addresses that are connected to, and leads to a receiver on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.connected: list[tuple[str, int]] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection."""
        self.connected.append((host, port))
        return httpcore.SyncBackend().connect_tcp(webhook.HOST, self._port, timeout)


class Names:
    """A resolver that gives its answers one after the other, and the last again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.lookups = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Resolve a name."""
        self.lookups += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.write(tmp_path_factory.mktemp("receiver"), NAME)


@pytest.fixture
def receiver(certificate: Path) -> Iterator[Receiver]:
    with Receiver(webhook.status(204), certificate=certificate) as made:
        yield made


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def local(**changed: Any) -> Sender:
    return Sender(limit=QUICK, allow_loopback=True, **changed)


def test_the_checked_address_is_called_by_its_name(receiver: Receiver, certificate: Path) -> None:
    network = Network(receiver.port)
    sender = Sender(resolve=Names([PUBLIC]), backend=network, ssl_context=trusting(certificate))

    answer = sender.send(URL, headers={"webhook-id": "msg_1"}, body=b'{"type":"webhook.test"}')

    (received,) = receiver.received
    assert (answer.status, answer.fault) == (204, None)
    assert network.connected == [(PUBLIC, 443)]
    assert (received.server_name, received.headers["host"]) == (NAME, NAME)
    assert (received.target, received.body) == ("/hook?x=1", b'{"type":"webhook.test"}')
    assert received.headers["webhook-id"] == "msg_1"


def test_a_name_that_changes_after_the_check_is_not_resolved_again(
    receiver: Receiver, certificate: Path
) -> None:
    network, names = Network(receiver.port), Names([PUBLIC], ["127.0.0.1"])
    sender = Sender(resolve=names, backend=network, ssl_context=trusting(certificate))

    first = sender.send(URL, headers={}, body=b"{}")
    second = sender.send(URL, headers={}, body=b"{}")

    assert (first.status, second.fault) == (204, "address-not-allowed")
    assert network.connected == [(PUBLIC, 443)]
    assert names.lookups == 2


@pytest.mark.parametrize("inside", ["10.0.0.4", "169.254.169.254", "127.0.0.1", "::1", "::ffff:10.0.0.1"])
def test_one_address_inside_is_enough_to_connect_nowhere(
    receiver: Receiver, certificate: Path, inside: str
) -> None:
    network = Network(receiver.port)
    sender = Sender(resolve=Names([PUBLIC, inside]), backend=network, ssl_context=trusting(certificate))

    answer = sender.send(URL, headers={}, body=b"{}")

    assert (answer.status, answer.fault, network.connected) == (None, "address-not-allowed", [])


@pytest.mark.parametrize("url", NEVER)
def test_an_address_that_must_not_be_called_is_neither_resolved_nor_called(url: str) -> None:
    network, names = Network(0), Names([PUBLIC])

    answer = Sender(resolve=names, backend=network).send(url, headers={}, body=b"{}")

    assert (answer.fault, names.lookups, network.connected) == ("address-not-allowed", 0, [])


def test_a_redirect_to_the_inside_is_an_answer_and_not_followed(certificate: Path) -> None:
    with Receiver() as inside, Receiver(certificate=certificate) as outside:
        outside.reply(webhook.status(307, Location=inside.url))
        network = Network(outside.port)
        sender = Sender(resolve=Names([PUBLIC]), backend=network, ssl_context=trusting(certificate))

        answer = sender.send(URL, headers={}, body=b"{}")

    assert (answer.status, answer.is_success) == (307, False)
    assert (len(outside.received), inside.received, len(network.connected)) == (1, [], 1)


def test_a_certificate_of_another_name_is_refused(receiver: Receiver, certificate: Path) -> None:
    sender = Sender(
        resolve=Names([PUBLIC]), backend=Network(receiver.port), ssl_context=trusting(certificate)
    )

    answer = sender.send("https://other.example.com/", headers={}, body=b"{}")

    assert (answer.fault, receiver.received) == ("certificate", [])


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy, Receiver(webhook.status(200)) as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        answer = local().send(receiver.url, headers={}, body=b"{}")

    assert (answer.status, proxy.received) == (200, [])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (webhook.status(200), (200, None)),
        (webhook.status(500), (500, None)),
        (webhook.status(410), (410, None)),
        (webhook.status(301, Location="https://hooks.example.com/"), (301, None)),
        (webhook.hang, (None, "timeout")),
        (webhook.trickle_head, (None, "timeout")),
        (webhook.trickle_body, (200, None)),
        (webhook.flood, (200, None)),
        (webhook.reset, (None, "broken-answer")),
        (webhook.promise_more, (200, None)),
        (webhook.promise_nonsense, (None, "broken-answer")),
    ],
)
def test_whatever_a_receiver_does_becomes_an_answer_in_time(
    reply: Reply, expected: tuple[int | None, str | None]
) -> None:
    with Receiver(reply) as receiver:
        started = time.monotonic()

        answer = local().send(receiver.url, headers={}, body=b"{}")

    assert (answer.status, answer.fault) == expected
    assert len(answer.body) <= MOST_BYTES
    assert time.monotonic() - started < 20


def test_retry_after_is_passed_on() -> None:
    with Receiver(webhook.status(429, Retry_After="120")) as receiver:
        answer = local().send(receiver.url, headers={}, body=b"{}")

    assert (answer.status, answer.retry_after) == (429, "120")


def test_nobody_listening_is_a_fault() -> None:
    with Receiver() as receiver:
        pass

    assert local().send(receiver.url, headers={}, body=b"{}").fault == "no-connection"


def test_a_name_that_does_not_exist_is_a_fault() -> None:
    def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("unknown")

    assert Sender(resolve=nowhere).send(URL, headers={}, body=b"{}").fault == "no-such-host"


def test_a_name_that_takes_too_long_is_a_timeout() -> None:
    def slowly(host: str, port: int) -> Sequence[str]:
        time.sleep(1.5)
        return [PUBLIC]

    assert Sender(resolve=slowly, limit=replace(QUICK, in_all=0.2)).send(
        URL, headers={}, body=b"{}"
    ).fault == "timeout"  # fmt: skip


def test_this_machine_is_not_called_without_the_allowance() -> None:
    with Receiver() as receiver:
        answer = Sender(limit=QUICK).send(receiver.url, headers={}, body=b"{}")

    assert (answer.fault, receiver.received) == ("address-not-allowed", [])
