"""Values as they lie on the wire: parameters are read, rows are written."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.doubles.tds import columns, parameters
from tests.doubles.tds.parameters import NotTaken
from tests.doubles.tds.tokens import COLLATION
from tests.doubles.tds.wire import Reader

NOON = datetime(2026, 3, 29, 12, 0, 0, 1)  # noqa: DTZ001  # datetime2 has no zone.
NOON_ON_THE_WIRE = b"\x01\xb0\xeb\x0e\x0a" + b"\x77\x49\x0b"


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (b"\x26\x08\x08" + (2**40).to_bytes(8, "little"), 2**40),
        (b"\x26\x04\x04\xff\xff\xff\xff", -1),
        (b"\x26\x08\x00", None),
        (b"\x28\x03\x77\x49\x0b", date(2026, 3, 29)),
        (b"\x28\x00", None),
        (b"\x2a\x06\x08" + NOON_ON_THE_WIRE, NOON),
        (b"\x6c\x09\x12\x03\x05\x00\xe2\x04\x00\x00", Decimal("-1.250")),
        (b"\x68\x01\x01\x01", True),
        (b"\xa7\x12\x00" + COLLATION + b"\x02\x00ab", "ab"),
        (b"\xa7\x12\x00" + COLLATION + b"\x00\x00", ""),
        (b"\xa7\x12\x00" + COLLATION + b"\xff\xff", None),
        (b"\xa7\xff\xff" + COLLATION + b"\xfe" + b"\xff" * 7 + b"\x01\0\0\0a\x02\0\0\0bc\0\0\0\0", "abc"),
        (b"\xe7\x04\x00" + COLLATION + b"\x04\x00\xe5\x00\xf8\x00", "åø"),
    ],
)
def test_a_parameter_is_read(sent: bytes, value: Any) -> None:
    reader = Reader(b"\x02@\x00a\x00\x00" + sent)

    parameter = parameters.read(reader)

    assert (parameter.name, parameter.is_output, parameter.value) == ("@a", False, value)
    assert reader.is_at_end


def test_a_parameter_of_another_type_is_not_taken() -> None:
    with pytest.raises(NotTaken, match="0xf1"):
        parameters.read(Reader(b"\x00\x00\xf1"))


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        ("VARCHAR", "å", b"\x02\x00\xc3\xa5"),
        ("SMALLINT", -2, b"\x02\xfe\xff"),
        ("INTEGER", 5, b"\x04\x05\x00\x00\x00"),
        ("BIGINT", 5, b"\x08\x05" + b"\x00" * 7),
        ("BOOLEAN", True, b"\x01\x01"),
        ("DATE", date(2026, 3, 29), b"\x03\x77\x49\x0b"),
        ("TIMESTAMP", NOON, b"\x08" + NOON_ON_THE_WIRE),
        ("TIMESTAMP_S", NOON, b"\x06\xc0\xa8\x00\x77\x49\x0b"),
        ("DECIMAL(18,3)", Decimal("-1.25"), b"\x09\x00\xe2\x04\x00\x00\x00\x00\x00\x00"),
    ],
)
def test_a_row_is_written_with_its_nulls_listed_where_it_has_some(kind: str, value: Any, sent: bytes) -> None:
    two = [columns.column(name, kind=kind, texts=[]) for name in ("a", "b")]

    assert columns.row(two, [value, value]) == b"\xd1" + sent + sent
    assert columns.row(two, [None, value]) == b"\xd2\x01" + sent


def test_a_text_of_more_than_8000_bytes_makes_its_column_one_of_any_length() -> None:
    long = columns.column("a", kind="VARCHAR", texts=[None, "å" * 4_001])

    assert columns.row([long], ["ab"]) == b"\xd1\x02" + b"\x00" * 7 + b"\x02\x00\x00\x00ab" + b"\x00" * 4
