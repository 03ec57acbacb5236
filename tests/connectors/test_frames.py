"""The guide's programs that read CSV by its address alone get a year whole, or an error.

polars and DuckDB are pinned in `requirements/frames.txt`, with DuckDB's extension for HTTP, which it would
download otherwise. R is tried where it is installed.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.connectors import guide
from tests.connectors.guide import YEAR, Living

pytestmark = pytest.mark.slow

Command = Sequence[str | Path]

INSTALL_HTTPFS = "from duckdb_extensions import import_extension; import_extension('httpfs')"


def programs(living: Living, folder: Path) -> Iterator[tuple[str, Command]]:
    """Each tool's block of the guide as a command; a tool that is not here is left out, but not by CI."""
    python = guide.tool("frames")
    guide.run([python, "-c", INSTALL_HTTPFS], living, folder)
    yield "pandas", [sys.executable, "-c", guide.configuration("pandas")]
    yield "polars", [python, "-c", guide.configuration("polars")]
    yield "DuckDB", [python, "-c", guide.configuration("DuckDB")]
    if r := shutil.which("Rscript"):
        yield "R", [r, "-e", guide.configuration("R")]


def test_a_year_by_its_address_alone_is_whole(living: Living, folder: Path) -> None:
    living.publish_the_days_before()
    found = {name: guide.run(command, living, folder).split() for name, command in programs(living, folder)}

    values = read_year(living)
    points = {point for point, _ in values}
    thousandths = sum(each for _, each in values)
    assert len(values) > 50_000
    for name, printed in found.items():
        count, distinct, kwh = printed
        assert (int(count), int(distinct)) == (len(values), len(points)), name
        assert round(float(kwh) * 1000) == thousandths, name


def test_a_year_that_no_page_holds_is_refused(living: Living, folder: Path) -> None:
    living.publish_quarters()
    printed = {
        name: guide.run(command, living, folder, fails=True) for name, command in programs(living, folder)
    }

    assert {name for name, text in printed.items() if "400" not in text} == set()
    for name in ("pandas", "polars"):
        [problem] = [json.loads(line) for line in printed[name].splitlines() if line.startswith("{")]
        assert problem["code"] == "too-large-for-one-answer"
        assert problem["marketDays"] > 2_604
        assert [each["parameter"] for each in problem["errors"]] == ["limit", "to", "format"]


def read_year(living: Living) -> list[tuple[str, int]]:
    """Read a year page by page: the metering point and the thousandths of each value."""
    found: list[tuple[str, int]] = []
    query = {"from": f"{YEAR[0]}", "to": f"{YEAR[1]}", "layout": "rows"}
    while True:
        page = guide.get(living, "/consumption", **query)
        found += [(row["meteringPointId"], int((row["quantity"] or 0) * 1000)) for row in page["rows"]]
        if page["nextCursor"] is None:
            return found
        query["cursor"] = page["nextCursor"]
