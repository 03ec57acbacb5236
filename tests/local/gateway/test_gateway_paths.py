"""Every path of the deployed API, and everything that only looks like one, asked with every method."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

import pytest

from tests.builders import gateway
from tests.builders.gateway import ROOT, World

OPENAPI = ROOT / "infra" / "apim" / "openapi.json"
PATHS: dict[str, dict[str, object]] = json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"]
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS")


def no_paths() -> list[str]:
    """Return what begins as a path of the contract and is none, and each path with something behind it."""
    parts = {part for path in PATHS for part in accumulate(path.split("/"), "{}/{}".format) if part}
    return sorted({*parts, *(f"{path}/" for path in PATHS), *(f"{path}/more" for path in PATHS)} - _any_of())


def _any_of() -> set[str]:
    """Return the paths, also as `/more` in the place of an id."""
    return {*PATHS, *(path.rpartition("/")[0] + "/more" for path in PATHS if path.endswith("}"))}


def written(template: str) -> str:
    return "/metering/v1" + template.replace("{", "").replace("}", "")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A gateway with the operations that are deployed."""
    files = replace(gateway.copied_files(tmp_path_factory.mktemp("deployed")), openapi=OPENAPI)
    with gateway.world(files) as world:
        yield world


@pytest.mark.parametrize("template", PATHS)
def test_a_path_answers_a_method_that_it_does_not_have_with_those_that_it_has(
    deployed: World, template: str
) -> None:
    own = {method.upper() for method in PATHS[template]} | {"OPTIONS"}

    for method in METHODS:
        if method == "OPTIONS" or method not in own:
            answer = deployed.send(written(template), method=method)

            assert answer.status == (204 if method == "OPTIONS" else 405)
            assert set((answer.header("Allow") or "").split(", ")) == own


@pytest.mark.parametrize("template", no_paths())
def test_what_is_no_path_is_unknown_with_every_method(deployed: World, template: str) -> None:
    for method in METHODS:
        answer = deployed.send(written(template), method=method)

        assert (method, answer.status, answer.header("Allow")) == (method, 404, None)
        assert method == "HEAD" or answer.code == "unknown-path"
