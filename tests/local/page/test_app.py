"""How the gateway serves the developer page: its own files, the demo world, nothing else."""

from pathlib import Path

import pytest

from local import demo, places
from local.page.app import DeveloperPage
from tests.builders.asgi import Caller

IDENTITY, OUTBOX = "http://127.0.0.1:8085", "http://127.0.0.1:10000"
RECEIVER = "http://127.0.0.1:8086/receiver"


def page(packages: Path | None) -> DeveloperPage:
    return DeveloperPage(IDENTITY, receiver=RECEIVER, outbox=OUTBOX, packages=packages)


@pytest.fixture
def caller() -> Caller:
    return Caller(page(None).application())


def test_the_page_and_its_files_are_served(caller: Caller) -> None:
    page = caller.get("/")
    script = caller.get("/pages/js/main.js")

    assert page.headers["content-type"].startswith("text/html")
    assert '<script type="module" src="/pages/js/main.js">' in page.text
    assert script.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/", "/pages/style.css", "/pages/world.json", "/pages/nothing"])
def test_only_the_page_s_own_scripts_run_and_reach_only_what_they_need(caller: Caller, path: str) -> None:
    answer = caller.get(path)

    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' {IDENTITY} http://127.0.0.1:8086 {OUTBOX}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


def test_the_demo_world_says_who_may_call_and_where_tokens_come_from(caller: Caller) -> None:
    world = caller.get("/pages/world.json").json()

    assert world["tokenUrl"] == f"{IDENTITY}/{demo.TENANT_ID}/oauth2/v2.0/token"
    assert world["receiver"] == RECEIVER
    assert [one["name"] for one in world["callers"]] == [
        *(client.name for client in demo.CLIENTS),
        *(user.name for user in demo.USERS),
    ]
    assert world["callers"][0] == {
        "name": "eos-vendor",
        "kind": "app",
        "clientId": demo.VENDOR.client_id,
        "clientSecret": demo.VENDOR.secret,
        "subscription": "eos-vendor",
        "product": "partner",
        "subscriptionKey": "demo-key-eos-vendor",
    }


@pytest.mark.parametrize("name", ["openapi.json", "openapi-client.json"])
def test_the_openapi_documents_are_the_customers_own(caller: Caller, name: str) -> None:
    committed = (places.ROOT / "docs" / name).read_bytes()

    assert caller.get("/").text.count(f"/pages/{name}") == 1
    assert caller.get(f"/pages/{name}").content == committed


def test_the_chart_library_comes_from_its_package_with_its_licence(tmp_path: Path) -> None:
    package = tmp_path / "uplot"
    (package / "dist").mkdir(parents=True)
    (package / "dist" / "uPlot.esm.js").write_text("export default 1;\n")
    (package / "LICENSE").write_text("MIT\n")
    caller = Caller(page(tmp_path).application())

    assert caller.get("/pages/uplot/dist/uPlot.esm.js").text == "export default 1;\n"
    assert caller.get("/pages/uplot/LICENSE").text == "MIT\n"


def test_a_missing_chart_library_says_what_brings_it(caller: Caller) -> None:
    answer = caller.get("/pages/uplot/dist/uPlot.esm.js")

    assert answer.status_code == 404
    assert "`python3 dev.py run`" in answer.text


@pytest.mark.parametrize("path", ["/pages/../server.py", "/pages/%2e%2e/server.py", "/pages//etc/passwd"])
def test_nothing_beside_the_page_is_served(caller: Caller, path: str) -> None:
    assert caller.get(path).status_code == 404


def test_the_guides_are_listed_and_served(caller: Caller) -> None:
    (first, *_) = caller.get("/pages/guides.json").json()["guides"]

    assert first == {"name": "getting-started", "title": "Getting started"}
    guide = caller.get("/pages/guides/getting-started")
    assert guide.headers["content-type"].startswith("text/html")
    assert "<h1" in guide.text
    assert caller.get("/pages/guides/operations").status_code == 404
