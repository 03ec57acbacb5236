"""The forms of files, one line each, and a file written in one of them.

Series come in order of metering point and direction, each in order of time; a long one may come in parts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.files.forms import csv_rows, gs2, gzipped, ndjson, parquet, xlsx
from shared.files.forms.about import About, Counts
from shared.files.forms.form import Compression, FileFormat, Form
from shared.series.assembly import Series


class Pieces(Protocol):
    """Writes series in one format."""

    def __call__(
        self, series: Iterable[Series], *, form: Form, about: About, counts: Counts
    ) -> Iterator[bytes]:
        """Yield the file in pieces, and count its rows."""
        ...


@dataclass(frozen=True)
class Writer:
    """How files of a format are made and named."""

    pieces: Pieces
    ending: str
    media_type: str


FORMS: Mapping[FileFormat, Writer] = {
    FileFormat.CSV: Writer(csv_rows.pieces, "csv", "text/csv"),
    FileFormat.NDJSON: Writer(ndjson.pieces, "ndjson", "application/x-ndjson"),
    FileFormat.PARQUET: Writer(parquet.pieces, "parquet", "application/vnd.apache.parquet"),
    FileFormat.XLSX: Writer(
        xlsx.pieces, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ),
    FileFormat.GS2: Writer(gs2.pieces, "gs2", "text/plain"),
}


@dataclass(frozen=True)
class File:
    """A file that is being written.

    Attributes:
        pieces: its bytes; the same series and form give the same bytes.
        counts: what it holds, once all pieces are taken.
    """

    pieces: Iterator[bytes]
    counts: Counts = field(default_factory=Counts)


def write(series: Iterable[Series], *, form: Form, about: About) -> File:
    """Return a file of series in a form; nothing is read before its first piece is taken."""
    counts = Counts()
    pieces = FORMS[form.format].pieces(counts.passing(series), form=form, about=about, counts=counts)
    return File(gzipped.pieces(pieces) if form.compression is Compression.GZIP else pieces, counts)


def ending(form: Form) -> str:
    """Return how names of files of a form end, without a dot before it."""
    return FORMS[form.format].ending + (".gz" if form.compression is Compression.GZIP else "")


def media_type(form: Form) -> str:
    """Return the media type of files of a form."""
    return "application/gzip" if form.compression is Compression.GZIP else FORMS[form.format].media_type
