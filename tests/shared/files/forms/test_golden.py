"""Files byte by byte: days of 23, 24 and 25 hours, a corrected day, a missing hour, quarters, production.

`python -m tests.shared.files.forms.test_golden` writes them again, for a look at what changed.
"""

from pathlib import Path

import pytest

from shared.files.forms import table
from shared.files.forms.form import Form
from tests.shared.files.forms import cases as series

GOLDEN = Path(__file__).parent / "golden"
NAMES = (*series.CASES, series.CORRECTED)
FORMS = {
    "api.csv": {"format": "csv"},
    "norwegian.csv": {
        "format": "csv",
        "profile": {
            "columns": [
                {"field": "meteringPointId", "heading": "Målepunkt"},
                {"field": "time", "heading": "Slutt"},
                {"field": "timeOffset", "heading": "UTC"},
                {"field": "quantity", "heading": "Mengde"},
                {"field": "unit", "heading": "Enhet"},
            ],
            "delimiter": ";",
            "decimal": ",",
            "time": "local",
            "stamp": "end",
            "encoding": "windows-1252",
        },
    },
    "epoch.csv": {"format": "csv", "profile": {"time": "epoch-ms", "stamp": "start", "unit": "Wh"}},
    "utc.csv": {"format": "csv", "layout": "wide", "profile": {"time": "utc", "bom": True}},
    "ndjson": {"format": "ndjson"},
    "gs2": {"format": "gs2", "gs2": {"to": "7080000000012", "from": "7080000000005"}},
}


def golden(name: str, kind: str) -> bytes:
    file = table.write(
        series.case(name), form=Form.model_validate(FORMS[kind], strict=False), about=series.ABOUT
    )
    return b"".join(file.pieces)


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_these_bytes(name: str, kind: str) -> None:
    assert golden(name, kind) == (GOLDEN / f"{name}.{kind}").read_bytes()


if __name__ == "__main__":
    for each in NAMES:
        for form in FORMS:
            (GOLDEN / f"{each}.{form}").write_bytes(golden(each, form))
