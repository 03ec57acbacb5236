import pytest

from shared.api import formats
from shared.api.formats import Format, Kind
from shared.api.parameters import Parameters
from shared.api.problems import Refused
from shared.files.forms.delimited import Dialect


def read(accept: str = "", **given: str) -> Format:
    return formats.read(Parameters({name: [text] for name, text in given.items()}), accept=accept)


def fault_of(accept: str = "", **given: str) -> tuple[str, str]:
    parameters = Parameters({name: [text] for name, text in given.items()})
    formats.read(parameters, accept=accept)
    [fault] = parameters.faults
    return fault.parameter, fault.code


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", Kind.JSON),
        ("*/*", Kind.JSON),
        ("text/csv", Kind.CSV),
        ("TEXT/CSV; charset=utf-8", Kind.CSV),
        ("text/*", Kind.CSV),
        ("application/*", Kind.JSON),
        ("application/x-ndjson", Kind.NDJSON),
        ("application/json;q=0.5, text/csv", Kind.CSV),
        ("text/csv;q=0.5, application/json", Kind.JSON),
        ("application/json, text/csv", Kind.JSON),
        ("text/csv, */*", Kind.CSV),
        ("text/csv, */*;q=0.8", Kind.CSV),
        ("application/json;q=0, */*", Kind.CSV),
        ("text/html, application/xhtml+xml, */*;q=0.8", Kind.JSON),
        ("application/json;q=0.5, text/csv;q=0.1, text/*;q=0.9", Kind.JSON),
        ("application/json;q=0.5, text/*;q=0.1, */*;q=0.8", Kind.NDJSON),
        ("text/csv;q=nonsense", Kind.CSV),
    ],
)
def test_accept_chooses_the_format(accept: str, kind: Kind) -> None:
    assert read(accept) == Format(kind)


@pytest.mark.parametrize("accept", ["application/xml", "text/csv;q=0", "image/*", "nonsense", ",", "*/*;q=0"])
def test_what_cannot_be_accepted_is_answered_with_what_there_is(accept: str) -> None:
    with pytest.raises(Refused) as refused:
        read(accept)

    assert refused.value.code == "not-acceptable"
    assert refused.value.detail == (
        "Available formats: application/json (format=json), text/csv (format=csv), "
        "application/x-ndjson (format=ndjson)."
    )


def test_the_parameter_wins_over_the_header() -> None:
    assert read("application/xml", format="csv") == Format(Kind.CSV)


def test_an_unknown_format_is_a_fault_and_not_a_question_of_what_is_accepted() -> None:
    assert fault_of("application/xml", format="xml") == ("format", "not-a-choice")


def test_the_norwegian_dialect_is_one_of_csv() -> None:
    assert read(format="csv", csv="norwegian") == Format(Kind.CSV, Dialect.NORWEGIAN)
    assert read("text/csv", csv="norwegian") == Format(Kind.CSV, Dialect.NORWEGIAN)
    assert fault_of(csv="norwegian") == ("csv", "only-with-csv")
    assert fault_of(format="csv", csv="swedish") == ("csv", "not-a-choice")


def test_a_resource_that_is_json_alone_offers_nothing_else() -> None:
    with pytest.raises(Refused, match="Available formats: application/json"):
        formats.negotiate("text/csv", available=formats.ONLY_JSON)
