"""The examples in the reference are what the code answers."""

import asyncio
import json
import re

import pytest

from contract import document, examples, record, stack
from local.functionhost.host import Host
from shared.api.formats import Kind


@pytest.fixture(scope="module")
def answered(contract_host: Host, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What app and gateway answer now, by the name of the example's file."""
    with stack.without_app(tmp_path_factory.mktemp("gateway")) as gateway:
        found = asyncio.run(record.answers(contract_host)) | record.refusals(gateway)
    return {path.name: text for path, text in found.items()}


@pytest.mark.parametrize("example", examples.EXAMPLES, ids=lambda example: example.file.name)
def test_an_example_is_what_the_app_answers(answered: dict[str, str], example: examples.Example) -> None:
    committed = example.file.read_bytes().decode()

    assert without_seconds(committed) == without_seconds(answered[example.file.name])


def without_seconds(text: str) -> str:
    """The text without how long one has to wait, which depends on when it was asked."""
    return re.sub(r"again in \d+ seconds", "again in … seconds", text)


def test_every_committed_answer_is_an_example() -> None:
    assert {path.name for path in examples.FOLDER.iterdir()} == {each.file.name for each in examples.EXAMPLES}


def test_every_operation_has_an_example_in_each_of_its_formats_but_the_workbook() -> None:
    paths = json.loads(document.to_read())["paths"]

    assert [
        (operation["get"]["operationId"], status, media_type)
        for operation in paths.values()
        if "get" in operation
        for status in ("200", "401", "403", "429", "503")
        if status in operation["get"]["responses"]
        for media_type, content in operation["get"]["responses"][status]["content"].items()
        if "examples" not in content and media_type != Kind.XLSX.media_type
    ] == []
