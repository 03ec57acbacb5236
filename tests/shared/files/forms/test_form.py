"""The form in a body: what does not belong to the format is a fault, and all faults are named at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.api import bodies
from shared.api.problems import InvalidRequest
from shared.files.forms.form import FileFormat, Form


@dataclass(frozen=True)
class Sent:
    """A request with a body."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    def get_body(self) -> bytes:
        return self.body


KWH = {"field": "quantity"}


def faults(form: Mapping[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as refused:
        bodies.read(Sent(json.dumps(form).encode()), Form)
    return [(each.parameter, each.code) for each in refused.value.faults]


@pytest.mark.parametrize(
    "form",
    [
        {"format": "csv"},
        {"format": "csv", "compression": "gzip", "layout": "wide"},
        {"format": "csv", "layout": "wide", "profile": {"time": "local", "delimiter": ";", "decimal": ","}},
        {"format": "csv", "profile": {"columns": [{"field": "time", "heading": "Tid"}, KWH], "stamp": "end"}},
        {"format": "csv", "profile": {"encoding": "windows-1252", "unit": "Wh", "delimiter": "\t"}},
        {"format": "ndjson", "compression": "gzip"},
        {"format": "parquet"},
        {"format": "xlsx", "layout": "wide"},
        {"format": "gs2", "gs2": {"gmtReference": 2, "key": "Plant", "qualities": {"missing": "9"}}},
    ],
)  # fmt: skip
def test_a_form_is_read(form: dict[str, Any]) -> None:
    read = bodies.read(Sent(json.dumps(form).encode()), Form)

    assert read.format is FileFormat(form["format"])
    assert hash(read.model_dump_json())


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, [("format", "required")]),
        ({"format": "xml"}, [("format", "not-a-choice")]),
        ({"format": "csv", "gs2": {}}, [("gs2", "not-in-format")]),
        ({"format": "ndjson", "layout": "wide"}, [("layout", "not-in-format")]),
        ({"format": "parquet", "compression": "gzip"}, [("compression", "not-in-format")]),
        ({"format": "xlsx", "compression": "gzip"}, [("compression", "not-in-format")]),
        ({"format": "xlsx", "colour": 1}, [("colour", "unknown-parameter")]),
        (
            {"format": "gs2", "layout": "wide", "profile": {}, "gs2": {"gmtReference": 15, "from": "Å"}},
            [
                ("layout", "not-in-format"),
                ("profile", "not-in-format"),
                ("gs2.gmtReference", "not-in-range"),
                ("gs2.from", "not-as-expected"),
            ],
        ),
        (
            {"format": "gs2", "gs2": {"qualities": {"measured": "<0>", "odd": "1"}, "to": "a\r\n##End"}},
            [
                ("gs2.qualities.measured", "not-as-expected"),
                ("gs2.qualities.odd.[key]", "not-a-choice"),
                ("gs2.to", "not-as-expected"),
            ],
        ),
        (
            {"format": "csv", "profile": {"delimiter": ",", "decimal": ",", "time": "noon", "unit": "MWh"}},
            [
                ("profile.decimal", "not-in-format"),
                ("profile.time", "not-a-choice"),
                ("profile.unit", "not-a-choice"),
            ],
        ),
        (
            {"format": "csv", "profile": {"encoding": "windows-1252", "bom": True}},
            [("profile.bom", "not-in-format")],
        ),
        (
            {
                "format": "csv",
                "profile": {
                    "encoding": "windows-1252",
                    "columns": [{"field": "time", "heading": "時"}],
                },
            },
            [("profile.columns", "not-as-expected")],
        ),
        (
            {"format": "csv", "profile": {"columns": [{"field": "quality"}, {"field": "quality"}]}},
            [("profile.columns", "given-twice")],
        ),
        (
            {"format": "csv", "profile": {"columns": [{"field": "start"}]}},
            [("profile.columns", "not-in-format")],
        ),
        (
            {
                "format": "csv",
                "profile": {"columns": [{"field": "quantity"}, {"field": "quantity", "heading": "kWh"}]},
            },
            [("profile.columns", "not-in-format")],
        ),
        (
            {"format": "csv", "profile": {"columns": [{"field": "start", "heading": "a\nb"}]}},
            [("profile.columns[0].heading", "not-as-expected")],
        ),
        (
            {"format": "csv", "profile": {"columns": [{"field": "start"}, KWH], "stamp": "end"}},
            [("profile.stamp", "not-in-format")],
        ),
        (
            {"format": "csv", "layout": "wide", "profile": {"columns": [{"field": "start"}, KWH]}},
            [("profile", "not-in-format")],
        ),
    ],
)  # fmt: skip
def test_all_faults_of_a_form_are_named(form: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert faults(form) == expected
