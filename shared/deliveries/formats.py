"""Recognises the format of a file by its first bytes. Pure."""

from typing import NamedTuple

LOOKED_AT = 64
"""Bytes that are read to recognise a format."""
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"


class _Foreign(NamedTuple):
    start: bytes
    reason: str


_SAVE_AS = "Save it as 'CSV UTF-8' and deliver that."
_FOREIGN = (
    _Foreign(b"PK\x03\x04", f"This is an Excel workbook (xlsx) or another ZIP archive. {_SAVE_AS}"),
    _Foreign(b"\xd0\xcf\x11\xe0", f"This is an Excel workbook (xls). {_SAVE_AS}"),
    _Foreign(b"\xff\xfe", f"This is text in UTF-16. {_SAVE_AS}"),
    _Foreign(b"\xfe\xff", f"This is text in UTF-16. {_SAVE_AS}"),
    _Foreign(b"%PDF", "This is a PDF document. Deliver CSV or Parquet."),
    _Foreign(b"BZh", "This is compressed with bzip2. Deliver CSV, Parquet or CSV compressed with gzip."),
    _Foreign(b"\x28\xb5\x2f\xfd", "This is compressed with zstd. Deliver CSV, Parquet or CSV in gzip."),
    _Foreign(b"7z\xbc\xaf", "This is a 7-Zip archive. Deliver CSV, Parquet or CSV compressed with gzip."),
    _Foreign(b"ORC", "This is an ORC file. Deliver CSV or Parquet."),
    _Foreign(b"Obj\x01", "This is an Avro file. Deliver CSV or Parquet."),
    _Foreign(b"ARROW1", "This is an Arrow file. Deliver CSV or Parquet."),
)
_FOREIGN_TEXT = (
    _Foreign(b"<", "This is XML or HTML. Deliver CSV or Parquet."),
    _Foreign(b"{", "This is JSON. Deliver CSV or Parquet."),
    _Foreign(b"[", "This is JSON. Deliver CSV or Parquet."),
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def fault(start: bytes) -> str | None:
    """Return why a file that begins with these bytes is neither CSV nor Parquet; None if it may be one."""
    if not start.removeprefix(_BYTE_ORDER_MARK):
        return "The file is empty; a header was expected."
    text = start.removeprefix(_BYTE_ORDER_MARK).lstrip()
    for bytes_, kinds in ((start, _FOREIGN), (text, _FOREIGN_TEXT)):
        for kind in kinds:
            if bytes_.startswith(kind.start):
                return kind.reason
    if b"\0" in start and not start.startswith((GZIP, PARQUET)):
        return "This is neither CSV in UTF-8 nor Parquet."
    return None
