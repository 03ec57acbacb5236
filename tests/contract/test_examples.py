"""The examples in the reference are what the code answers."""

import asyncio
import json

import pytest

from contract import document, examples, record
from local.functionhost.host import Host


@pytest.fixture(scope="module")
def answered(contract_host: Host) -> dict[str, str]:
    """What the app answers now, by the name of the example's file."""
    return {path.name: text for path, text in asyncio.run(record.answers(contract_host)).items()}


@pytest.mark.parametrize("example", examples.EXAMPLES, ids=lambda example: example.file.name)
def test_an_example_is_what_the_app_answers(answered: dict[str, str], example: examples.Example) -> None:
    assert example.file.read_bytes().decode() == answered[example.file.name]


def test_every_committed_answer_is_an_example() -> None:
    assert {path.name for path in examples.FOLDER.iterdir()} == {each.file.name for each in examples.EXAMPLES}


def test_every_operation_has_an_example_in_each_of_its_formats() -> None:
    paths = json.loads(document.to_read())["paths"]

    lacking = [
        (operation["get"]["operationId"], media_type)
        for path, operation in paths.items()
        for media_type, content in operation["get"]["responses"]["200"]["content"].items()
        if "examples" not in content
    ]

    assert lacking == [
        ("get-production-of-metering-point", "text/csv"),
        ("get-production-of-metering-point", "application/x-ndjson"),
        ("list-production", "text/csv"),
        ("list-production", "application/x-ndjson"),
    ]
