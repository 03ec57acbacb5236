"""Known vulnerabilities fail the check, and a source that cannot be reached is named."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local import audit, places
from tests.builders.serving import address_of, listening, served

VULNERABLE = {
    "id": "PYSEC-2099-1",
    "summary": "It does too much.",
    "affected": [
        {
            "package": {"name": "idna", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
        }
    ],
}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock file of two packages, one of which has an advisory."""
    path = tmp_path / "requirements.txt"
    pins = (f"{name} \\\n    --hash=sha256:{'0' * 64}\n" for name in ("idna==3.1", "orjson==3.13.0"))
    path.write_text("".join(pins), encoding="utf-8")
    return path


async def advise(request: Request) -> JSONResponse:
    """Answer as OSV does."""
    question = json.loads(await request.body())
    return JSONResponse({"vulns": [VULNERABLE]} if question["package"]["name"] == "idna" else {})


async def refuse(_: Request) -> JSONResponse:
    """Answer as a proxy that lets nothing through."""
    return JSONResponse({}, status_code=403)


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a source of advisories that answers as the test names."""
    bound = listening()
    with served((Starlette(routes=[Route("/query", request.param, methods=["POST"])]), bound)):
        yield f"{address_of(bound)}/query"


@pytest.mark.parametrize("source", [advise], indirect=True)
def test_a_vulnerable_package_fails_the_check(
    lock: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = audit.audit([lock], source=source)

    assert code == 1
    assert capsys.readouterr().out.splitlines() == [
        "idna 3.1: PYSEC-2099-1, fixed in 9.9",
        "2 packages audited, 1 findings.",
    ]


@pytest.mark.parametrize("source", [advise], indirect=True)
def test_packages_without_advisories_pass(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"orjson==3.13.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")

    code = audit.audit([lock], source=source)

    assert (code, capsys.readouterr().out) == (0, "1 packages audited, 0 findings.\n")


@pytest.mark.parametrize("source", [refuse], indirect=True)
def test_a_source_that_refuses_is_not_reached(
    lock: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = audit.audit([lock], source=source)

    assert code == audit.NOT_REACHED
    assert capsys.readouterr().out == f"No package was audited: {source} cannot be reached.\n"


def test_a_source_where_nobody_listens_is_not_reached(lock: Path, free_port: int) -> None:
    assert audit.audit([lock], source=f"http://127.0.0.1:{free_port}/query") == audit.NOT_REACHED


@pytest.mark.parametrize("source", [advise], indirect=True)
def test_a_lock_file_that_cannot_be_read_is_a_failure(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = audit.audit([tmp_path / "missing.txt"], source=source)

    assert code == 1
    assert "missing.txt" in capsys.readouterr().err


def test_every_lock_file_is_covered() -> None:
    def pins(path: Path) -> set[str]:
        return {line.split(" ")[0] for line in path.read_text("utf-8").splitlines() if "==" in line[:80]}

    covered = {pin for lock in audit.LOCKS for pin in pins(lock)}

    for name in ("requirements.txt", "local/stack/requirements.txt"):
        assert pins(places.ROOT / name) <= covered
