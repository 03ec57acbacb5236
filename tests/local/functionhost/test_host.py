"""Requests through the host, in process."""

import gzip
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import azure.functions as func
import pytest

from local.functionhost import functions, invocation
from local.functionhost.host import MASTER_KEY, Host
from local.functionhost.throttle import Throttle
from tests.builders.asgi import Caller

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

Serve = Callable[[func.FunctionApp], Caller]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves an app without following its schedules."""
    pool = ThreadPoolExecutor(max_workers=2)

    def start(app: func.FunctionApp) -> Caller:
        indexed = functions.index(app, prefix="", settings={})
        host = Host(functions=indexed, pool=pool, directory="/app", clock=lambda: NOON)
        return Caller(host.asgi(follow_schedules=False))

    yield start
    pool.shutdown()


@pytest.fixture
def app() -> func.FunctionApp:
    return func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def test_a_function_gets_the_request_as_the_worker_gives_it(app: func.FunctionApp, serve: Serve) -> None:
    seen: list[func.HttpRequest] = []

    @app.route("v1/{id}", methods=["POST"])
    def one(req: func.HttpRequest) -> func.HttpResponse:
        seen.append(req)
        return func.HttpResponse()

    serve(app).post("/v1/a%20b?x=1&x=2&empty=&y=%C3%A6", headers={"X-Two": "a"}, content=b"\x00\xff")

    (request,) = seen
    assert request.method == "POST"
    assert request.url == "http://testserver/v1/a%20b?x=1&x=2&empty=&y=%C3%A6"
    assert dict(request.params) == {"x": "1,2", "y": "æ"}
    assert dict(request.route_params) == {"id": "a b"}
    assert request.headers["x-two"] == "a"
    assert request.get_body() == b"\x00\xff"


def test_a_binary_answer_arrives_untouched(app: func.FunctionApp, serve: Serve) -> None:
    packed = gzip.compress(b'{"a": 1}')

    @app.route("v1/packed")
    def one(req: func.HttpRequest) -> func.HttpResponse:
        headers = {"Content-Encoding": "gzip", "ETag": 'W/"1"'}
        return func.HttpResponse(packed, headers=headers, mimetype="application/json")

    answer = serve(app).get("/v1/packed")

    assert answer.json() == {"a": 1}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == 'W/"1"'


def test_cookies_are_kept_and_of_other_headers_the_last_counts(app: func.FunctionApp, serve: Serve) -> None:
    @app.route("v1/many")
    def one(req: func.HttpRequest) -> func.HttpResponse:
        answer = func.HttpResponse("text", status_code=202)
        for name, text in (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-A", "1"), ("X-A", "2")):
            answer.headers.add(name, text)
        return answer

    answer = serve(app).get("/v1/many")

    assert answer.status_code == 202
    assert answer.headers.get_list("set-cookie") == ["a=1; domain=; path=", "b=2; domain=; path="]
    assert answer.headers.get_list("x-a") == ["2"]
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_an_answer_without_content_has_no_length(app: func.FunctionApp, serve: Serve) -> None:
    @app.route("v1/same")
    def one(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(status_code=304, headers={"ETag": '"1"'})

    answer = serve(app).get("/v1/same")

    assert (answer.status_code, answer.content) == (304, b"")
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/none"), ("PUT", "/v1/one"), ("HEAD", "/v1/one")])
def test_an_unknown_path_or_method_is_404_without_a_body(
    app: func.FunctionApp, serve: Serve, method: str, path: str
) -> None:
    @app.route("v1/one", methods=["GET"])
    def one(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("one")

    answer = serve(app).request(method, path)

    assert (answer.status_code, answer.content) == (404, b"")


def test_a_failing_function_is_a_bare_500_with_its_traceback_in_the_log(
    app: func.FunctionApp, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    @app.route("v1/broken")
    def broken(req: func.HttpRequest) -> func.HttpResponse:
        raise RuntimeError("not for callers")

    answer = serve(app).get("/v1/broken")

    assert (answer.status_code, answer.content) == (500, b"")
    assert "The function 'broken' failed" in caplog.text
    assert "RuntimeError: not for callers" in caplog.text


def test_a_function_that_returns_nothing_is_a_500(app: func.FunctionApp, serve: Serve) -> None:
    @app.route("v1/nothing")
    def nothing(req: func.HttpRequest) -> None:
        return None

    assert serve(app).get("/v1/nothing").status_code == 500


def test_a_function_that_asks_for_a_key_answers_nobody(app: func.FunctionApp, serve: Serve) -> None:
    @app.route("v1/keyed", auth_level=func.AuthLevel.FUNCTION)
    def keyed(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("reached")

    assert serve(app).get("/v1/keyed", params={"code": "a key"}).status_code == 401


def test_def_runs_on_a_thread_of_the_pool_and_async_def_on_the_event_loop(
    app: func.FunctionApp, serve: Serve
) -> None:
    @app.route("v1/def")
    def blocking(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(threading.current_thread().name)

    @app.route("v1/async")
    async def waiting(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(threading.current_thread().name)

    client = serve(app)

    assert client.get("/v1/def").text.startswith("ThreadPoolExecutor")
    assert not client.get("/v1/async").text.startswith("ThreadPoolExecutor")


def test_the_context_names_the_function_and_follows_the_callers_trace(
    app: func.FunctionApp, serve: Serve
) -> None:
    seen: list[func.Context] = []

    @app.route("v1/traced")
    def traced(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        seen.append(context)
        return func.HttpResponse()

    trace = "0af7651916cd43dd8448eb211c80319c"
    serve(app).get("/v1/traced", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})

    (context,) = seen
    assert (context.function_name, context.function_directory) == ("traced", "/app")
    assert context.trace_context.trace_parent.startswith(f"00-{trace}-")
    assert "b7ad6b7169203331" not in context.trace_context.trace_parent


def test_headers_that_name_the_caller_pass_where_no_platform_stands_in_front(
    app: func.FunctionApp, serve: Serve
) -> None:
    seen: list[func.HttpRequest] = []

    @app.route("v1/one")
    def one(req: func.HttpRequest) -> func.HttpResponse:
        seen.append(req)
        return func.HttpResponse()

    serve(app).get("/v1/one", headers={"x-Ms-Client-Principal-Id": "me"})

    assert seen[0].headers["x-ms-client-principal-id"] == "me"


def test_a_body_sent_in_chunks_does_not_arrive(app: func.FunctionApp, serve: Serve) -> None:
    seen: list[bytes] = []

    @app.route("v1/one", methods=["POST"])
    def one(req: func.HttpRequest) -> func.HttpResponse:
        seen.append(req.get_body())
        return func.HttpResponse()

    async def parts() -> AsyncIterator[bytes]:
        yield b"hello"

    serve(app).post("/v1/one", content=parts())

    assert seen == [b""]


@pytest.mark.parametrize(("page", "status"), [(True, 200), (False, 204)])
def test_the_root_is_a_page_unless_it_is_switched_off(page: bool, status: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        host = Host(functions=[], pool=pool, directory="/app", clock=lambda: NOON, home_page=page)

        assert Caller(host.asgi()).get("/").status_code == status


def test_a_request_that_finds_no_place_says_that_more_instances_are_wanted(app: func.FunctionApp) -> None:
    @app.route("v1/one")
    def one(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    with ThreadPoolExecutor(1) as pool:
        host = Host(
            functions=functions.index(app, prefix="", settings={}),
            pool=pool,
            directory="/app",
            clock=lambda: NOON,
            throttle=Throttle(outstanding=0),
        )
        answer = Caller(host.asgi()).get("/v1/one")

    assert (answer.status_code, answer.headers["x-function-scaleout"]) == (429, "1")


def timer_app(app: func.FunctionApp, run: Callable[[], object]) -> func.FunctionApp:
    @app.timer_trigger(schedule="0 5 * * * *", arg_name="timer")
    def sync(timer: func.TimerRequest) -> object:
        return run()

    return app


KEY = {"x-functions-key": MASTER_KEY}


def test_a_timer_runs_when_asked_and_the_answer_does_not_wait(app: func.FunctionApp, serve: Serve) -> None:
    runs: list[int] = []
    client = serve(timer_app(app, lambda: runs.append(1)))

    answers = [client.post(f"/admin/functions/{name}", json={}, headers=KEY) for name in ("sync", "SYNC")]

    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b""), (202, b"")]
    assert runs == [1, 1]


def test_a_failing_timer_logs_its_traceback_and_the_host_goes_on(
    app: func.FunctionApp, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = iter([ZeroDivisionError("first"), None])
    runs: list[int] = []

    def run() -> None:
        runs.append(1)
        outcome = next(outcomes)
        if outcome:
            raise outcome

    client = serve(timer_app(app, run))

    client.post("/admin/functions/sync", json={}, headers=KEY)
    assert "The timer 'sync' failed." in caplog.text
    assert "ZeroDivisionError: first" in caplog.text
    client.post("/admin/functions/sync", json={}, headers=KEY)
    assert runs == [1, 1]


def test_a_timer_that_returns_a_value_fails_as_in_the_worker(
    app: func.FunctionApp, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    serve(timer_app(app, lambda: "a value")).post("/admin/functions/sync", json={}, headers=KEY)

    assert "TypeError: the timer 'sync' returned a value" in caplog.text


@pytest.mark.parametrize(
    ("name", "headers", "body", "status"),
    [
        ("sync", {"content-type": "application/json"}, b"{}", 401),
        ("sync", {"content-type": "application/json", "x-functions-key": "another"}, b"{}", 401),
        ("other", {"content-type": "application/json"}, b"{}", 401),
        ("other", {"content-type": "application/json", **KEY}, b"{}", 404),
        ("page", {"content-type": "application/json", **KEY}, b"{}", 202),
        ("sync", KEY, b"{}", 415),
        ("sync", {"content-type": "text/plain", **KEY}, b"{}", 415),
        ("sync", {"content-type": "application/json", **KEY}, b"", 400),
        ("sync", {"content-type": "application/json", **KEY}, b"{", 400),
        ("sync", {"content-type": "application/json", **KEY}, b"[]", 400),
    ],
)
def test_functions_start_by_hand_with_the_key_and_an_object_of_json(
    app: func.FunctionApp, serve: Serve, name: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    @app.route("v1/page")
    def page(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    client = serve(timer_app(app, lambda: None))

    assert client.post(f"/admin/functions/{name}", headers=headers, content=body).status_code == status


def test_the_host_answers_a_ping_without_a_key_and_its_state_with_one(
    app: func.FunctionApp, serve: Serve
) -> None:
    client = serve(timer_app(app, lambda: None))

    assert client.get("/admin/host/ping").status_code == 200
    assert client.get("/admin/host/status").status_code == 401
    assert client.get("/admin/host/status", headers=KEY).json() == {"state": "Running"}


def test_the_key_opens_a_function_that_asks_for_one(app: func.FunctionApp, serve: Serve) -> None:
    @app.route("v1/keyed", auth_level=func.AuthLevel.FUNCTION)
    def keyed(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("reached")

    client = serve(app)

    assert client.get("/v1/keyed", headers=KEY).text == "reached"
    assert client.get("/v1/keyed", params={"Code": MASTER_KEY}).text == "reached"


@pytest.mark.parametrize(("count", "workers"), [("3", 3), ("0", None), ("many", None), ("", None)])
def test_the_pool_has_as_many_threads_as_the_setting_says(count: str, workers: int | None) -> None:
    default = ThreadPoolExecutor()
    with invocation.threads({"PYTHON_THREADPOOL_THREAD_COUNT": count}) as pool:
        assert pool._max_workers == (workers or default._max_workers)
