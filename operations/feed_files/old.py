"""Files of the old system: GS2, or CSV in the columns of a feed's form, read by rules of their own.

Only the reading of a form's profile is shared with the writers of our forms. Readers are lenient where
systems differ: keys in any case, values on one line or many, numbers with a comma.
"""

from codecs import BOM_UTF8

from operations.feed_files import old_csv, old_gs2
from operations.feed_files.old_file import EMPTY, OldFile, Unreadable
from shared.files.forms import csv_rows
from shared.files.forms.form import FileFormat, Form, Gs2
from shared.metering import Direction


def read(content: bytes, form: Form, *, direction: Direction = Direction.CONSUMPTION) -> OldFile:
    """Return what a file holds: GS2 by its first line, else CSV in the columns of the form.

    Args:
        direction: of values of CSV whose row or column names none.

    Raises:
        Unreadable: it is neither.
    """
    text = _decoded(content, form)
    if not text.strip():
        raise Unreadable(EMPTY)
    if old_gs2.START in text[:2_000].lower():
        return old_gs2.read(text, form.gs2 or Gs2())
    if form.format is not FileFormat.CSV:
        raise Unreadable(
            "It is not GS2, and the feed's form is not CSV, so the meaning of its columns is unknown."
        )
    return old_csv.read(text, form, direction=direction)


def _decoded(content: bytes, form: Form) -> str:
    marked = content.startswith(BOM_UTF8)
    encoding = csv_rows.encoding_of(form) if form.format is FileFormat.CSV and not marked else "utf-8"
    try:
        return content.removeprefix(BOM_UTF8).decode(encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")
