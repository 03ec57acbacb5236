"""Answers are the same through nginx with its default settings: it keeps 4 or 8 kB for the headers of one."""

import http.client
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from contract import stack
from contract.operations import OPERATIONS, Operation
from contract.stack import Running
from local import demo
from local.stack import clients, free
from shared import metering
from shared.api.formats import Kind
from shared.api.series.requests import MAX_NAMED

NGINX = shutil.which("nginx") or next((path for path in ("/usr/sbin/nginx",) if Path(path).exists()), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: answers through a proxy are not tried"),
]

OWN_HEADERS = {"connection", "date", "keep-alive", "server", "transfer-encoding", "content-length"}
"""Of the connection, which each server writes itself."""
COUNTED = {"ratelimit-remaining"}
KNOWN = [point.metering_point_id for point in demo.METERING_POINTS]
PAYLOADS = [f"70705757{number:09d}" for number in range(MAX_NAMED)]
UNKNOWN = [f"{payload}{metering.check_digit(payload)}" for payload in PAYLOADS]
NAMED = "&".join(f"meteringPointId={point}" for point in [*KNOWN, *UNKNOWN][:MAX_NAMED])
HeadersOf = Callable[[str], dict[str, str]]
SERIES = "from=2026-03-18&to=2026-04-01"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture(scope="module")
def running(_azurite_accounts: Iterator[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demo world that stands still, behind the gateway."""
    with stack.running(tmp_path_factory.mktemp("nginx"), table_storage=next(_azurite_accounts)) as found:
        yield found


@pytest.fixture(scope="module")
def headers(running: Running) -> dict[str, str]:
    return {**running.headers(), "X-Request-Id": "through-nginx"}


@pytest.fixture(scope="module")
def headers_of(running: Running, headers: dict[str, str]) -> HeadersOf:
    """What is sent with a request: the readers of a customer are for persons."""
    person = {**headers, "Authorization": f"Bearer {clients.token_of_person(running.token_url)}"}
    return lambda target: person if "/readers" in target else headers


@pytest.fixture(scope="module")
def through_nginx(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gateway's address through an nginx with nothing set but where it listens and what it asks."""
    folder, port = tmp_path_factory.mktemp("conf"), free.numbers(1)[0]
    gateway = urlsplit(running.api)
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {' '.join(f'{name}_temp_path {folder}/{name};' for name in temporary)}\n"
        f"server {{ listen 127.0.0.1:{port};"
        f" location / {{ proxy_pass http://{gateway.netloc}; }} }} }}\n"
    )
    with (folder / "log").open("wb") as log:
        nginx = subprocess.Popen(
            [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")], stdout=log, stderr=log
        )
        try:
            wait_for(port, nginx)
            yield f"http://127.0.0.1:{port}{gateway.path}"
        finally:
            nginx.terminate()
            nginx.wait(10)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.connect()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise AssertionError("nginx did not start within ten seconds")


def ask(api: str, target: str, headers: Mapping[str, str], *, method: str = "GET") -> Answer:
    """One request; the body as it came, packed or not."""
    address = urlsplit(api)
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    try:
        connection.request(method, f"{address.path}{target}", headers=dict(headers))
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, answer.read())
    finally:
        connection.close()


def targets(operation: Operation) -> list[str]:
    """A request for each format of an operation; of many metering points, with as many names as may be."""
    path = operation.path.replace("{meteringPointId}", KNOWN[0])
    for parameter in operation.parameters:
        path = path.replace(f"{{{parameter.name}}}", str(parameter.example))
    query = ""
    if "consumption" in path or "production" in path:
        query = SERIES if "{" in operation.path else f"{SERIES}&limit=5&{NAMED}&resolution=PT15M"
    if path.endswith("/total"):
        query = f"{SERIES}&limit=5&{NAMED}&resolution=P1D"
    if path.endswith("/peaks") or path == "/completeness":
        query = f"{SERIES}&limit=5&{NAMED}"
    if path == "/changes":
        query = "since=2026-01-01&limit=3"
    if operation.answer is None:
        return [path]
    formats = [f"format={kind}" for kind in operation.formats]
    return [f"{path}?{'&'.join(filter(None, (query, each)))}" for each in formats]


READ = [operation for operation in OPERATIONS if operation.method == "GET"]
TARGETS = [target for operation in READ for target in targets(operation)]
FAULTS = ["/consumption?from=2026-03-29T00:00&limt=10", "/nothing", f"/metering-points/{UNKNOWN[0]}"]
each_target = pytest.mark.parametrize(
    "target", [*TARGETS, *FAULTS], ids=lambda target: f"{target[:60]}…{target[-14:]}"
)


def succeeded(target: str) -> int:
    return 302 if "/files/" in target else 200


def is_same(direct: Answer, proxied: Answer) -> bool:
    def compared(answer: Answer) -> dict[str, str]:
        return {name: each for name, each in answer.headers.items() if name not in OWN_HEADERS | COUNTED}

    return (direct.status, compared(direct), direct.body) == (proxied.status, compared(proxied), proxied.body)


@each_target
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_is_the_same(
    running: Running, through_nginx: str, headers_of: HeadersOf, target: str, encoding: str
) -> None:
    sent = {**headers_of(target), "Accept-Encoding": encoding}

    direct, proxied = ask(running.api, target, sent), ask(through_nginx, target, sent)

    assert direct.status == (succeeded(target) if target in TARGETS else direct.status)
    assert direct.status != 502
    assert is_same(direct, proxied), (direct, proxied)


@each_target
def test_the_headers_alone_are_the_same(
    running: Running, through_nginx: str, headers_of: HeadersOf, target: str
) -> None:
    direct = ask(running.api, target, headers_of(target), method="HEAD")
    proxied = ask(through_nginx, target, headers_of(target), method="HEAD")

    assert is_same(direct, proxied), (direct, proxied)
    assert proxied.body == b""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target[:60]}…{target[-14:]}")
def test_what_has_not_changed_is_said_to_be_so(
    running: Running, through_nginx: str, headers_of: HeadersOf, target: str
) -> None:
    etag = ask(through_nginx, target, headers_of(target)).headers.get("etag")
    known = {**headers_of(target), "If-None-Match": etag or '"none"'}

    direct, proxied = ask(running.api, target, known), ask(through_nginx, target, known)

    assert is_same(direct, proxied), (direct, proxied)
    assert proxied.status == (304 if etag else succeeded(target))


def test_the_next_page_is_named_with_the_longest_question(
    through_nginx: str, headers: dict[str, str]
) -> None:
    as_of = quote("2026-04-01T10:00:00.123456+02:00")
    longest = f"/consumption?{SERIES}&limit=1&{NAMED}&format={Kind.CSV}&asOf={as_of}"

    first = ask(through_nginx, longest, headers)
    following = first.headers["link"].partition("<")[2].partition(">")[0].removeprefix("/metering/v1")
    second = ask(through_nginx, following, headers)

    assert (first.status, second.status) == (200, 200)
    assert first.body != second.body
