"""Hundreds of thousands of rows for a sheet, in a workbook that XlsxWriter has written.

XlsxWriter takes 60 µs for a row of eight cells, so it writes only one row, the model, below the headings. All
rows are the text of the model with other values, and replace the model in the sheet.
"""

import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from typing import IO

MODEL = 1
"""The model's row, as XlsxWriter counts: from 0."""
_COPIED = 1024 * 1024
_LEVEL = 1
"""The level of compression. zlib's default takes three times as long for a file that is a fifth smaller."""
_ROW = re.compile(r'<row r="2"[^>]*>(.*?)</row>')
_CELL = re.compile(r"<c .*?</c>")
_VALUE = re.compile(r">[^<>]+<")


def templates(workbook: IO[bytes], sheet: str, columns: Sequence[str]) -> Mapping[str, str]:
    """Return the cells of the model by the column's name; {n} is the place of the row, {name} of the value.

    Args:
        workbook: as XlsxWriter wrote it.
        sheet: the name of the sheet's part.
        columns: a name for each cell of the model.
    """
    with zipfile.ZipFile(workbook) as parts:
        (row,) = _ROW.findall(parts.read(sheet).decode())
    return {
        name: _VALUE.sub(f">{{{name}}}<", cell.replace('2"', '{n}"', 1))
        for name, cell in zip(columns, _CELL.findall(row), strict=True)
    }


def put(rows: IO[bytes], workbook: IO[bytes], sheet: str, *, last: int, into: IO[bytes]) -> None:
    """Copy a workbook with rows in place of the model.

    Args:
        rows: the text of all rows.
        workbook: as XlsxWriter wrote it.
        sheet: the name of the sheet's part.
        last: the number of the last row, as a sheet counts: from 1.
        into: the copy.
    """
    with (
        zipfile.ZipFile(workbook) as source,
        zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as copy,
    ):
        for name in source.namelist():
            content = source.read(name)
            with copy.open(name, "w") as target:  # By name, so that its date is always the same.
                if name != sheet:
                    target.write(content)
                    continue
                before, after = _ROW.split(content.decode(), maxsplit=1)[::2]
                target.write(re.sub(r'(<dimension ref="A1:[A-Z]+)2"', rf'\g<1>{last}"', before).encode())
                rows.seek(0)
                shutil.copyfileobj(rows, target, _COPIED)
                target.write(after.encode())
