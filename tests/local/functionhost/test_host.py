"""Requests through the host, in process."""

import gzip
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import azure.functions as func
import pytest

from local.functionhost import functions, invocation
from local.functionhost.host import Host
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
    assert answer.headers["content-length"] == str(len(packed))
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
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
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
        raise RuntimeError("told to nobody outside")

    answer = serve(app).get("/v1/broken")

    assert (answer.status_code, answer.content) == (500, b"")
    assert "The function 'broken' failed" in caplog.text
    assert "RuntimeError: told to nobody outside" in caplog.text


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


def test_nobody_can_send_the_headers_that_name_the_caller(app: func.FunctionApp, serve: Serve) -> None:
    seen: list[func.HttpRequest] = []

    @app.route("v1/one")
    def one(req: func.HttpRequest) -> func.HttpResponse:
        seen.append(req)
        return func.HttpResponse()

    serve(app).get("/v1/one", headers={"X-MS-CLIENT-PRINCIPAL": "e30=", "x-Ms-Client-Principal-Id": "me"})

    assert [name for name in seen[0].headers if "principal" in name] == []


def timer_app(app: func.FunctionApp, run: Callable[[], object]) -> func.FunctionApp:
    @app.timer_trigger(schedule="0 5 * * * *", arg_name="timer")
    def sync(timer: func.TimerRequest) -> object:
        return run()

    return app


def test_a_timer_runs_when_asked(app: func.FunctionApp, serve: Serve) -> None:
    runs: list[int] = []
    client = serve(timer_app(app, lambda: runs.append(1)))

    answer = client.post("/admin/functions/sync?wait=true", json={})

    assert (answer.status_code, runs) == (200, [1])


def test_a_timer_that_is_asked_for_without_waiting_answers_202(app: func.FunctionApp, serve: Serve) -> None:
    runs: list[int] = []
    client = serve(timer_app(app, lambda: runs.append(1)))

    assert client.post("/admin/functions/sync", json={}).status_code == 202
    assert runs == [1]


def test_a_failing_timer_logs_its_traceback_and_the_host_goes_on(
    app: func.FunctionApp, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = iter([ZeroDivisionError("first"), None])

    def run() -> None:
        outcome = next(outcomes)
        if outcome:
            raise outcome

    client = serve(timer_app(app, run))

    assert client.post("/admin/functions/sync?wait=true", json={}).status_code == 500
    assert "The timer 'sync' failed." in caplog.text
    assert "ZeroDivisionError: first" in caplog.text
    assert client.post("/admin/functions/sync?wait=true", json={}).status_code == 200


def test_a_timer_that_returns_a_value_fails_as_in_the_worker(app: func.FunctionApp, serve: Serve) -> None:
    client = serve(timer_app(app, lambda: "a value"))

    assert client.post("/admin/functions/sync?wait=true", json={}).status_code == 500


def test_only_timers_run_when_asked_and_only_with_json(app: func.FunctionApp, serve: Serve) -> None:
    client = serve(timer_app(app, lambda: None))

    assert client.post("/admin/functions/other", json={}).status_code == 404
    assert client.post("/admin/functions/sync", content=b"").status_code == 415


def test_the_host_is_healthy_once_the_app_is_loaded(app: func.FunctionApp, serve: Serve) -> None:
    assert serve(timer_app(app, lambda: None)).get("/healthz").text == "ok"


@pytest.mark.parametrize(("count", "workers"), [("3", 3), ("0", None), ("many", None), ("", None)])
def test_the_pool_has_as_many_threads_as_the_setting_says(count: str, workers: int | None) -> None:
    default = ThreadPoolExecutor()
    with invocation.threads({"PYTHON_THREADPOOL_THREAD_COUNT": count}) as pool:
        assert pool._max_workers == (workers or default._max_workers)
