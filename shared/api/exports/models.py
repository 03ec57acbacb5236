"""Exports as models."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from shared import periods
from shared.api import bodies
from shared.api.bodies import Body, CustomerNumber, Directions, MeteringPointIdText, MomentText
from shared.api.models import Absent, Answer, Cursor, MeteringPointId, Number, open_words
from shared.api.series.models import StoredCoarser
from shared.files.exports.store import ExportStatus
from shared.files.forms.form import Form
from shared.metering import Resolution

MAX_NAMED = 3_000

_MOMENT = "a market day (`2026-03-29`) or a time with an offset"
_STATUS = "The status of the export: `waiting`, `running`, `finished`, `failed` or `expired`."
OpenStatus = Annotated[ExportStatus, open_words(ExportStatus, _STATUS)]


class ExportRequest(Body):
    """What an export contains, and in which form."""

    directions: Directions = Field(description="One direction or both; each file contains all of them.")
    metering_point_ids: (
        Annotated[list[MeteringPointIdText], Field(min_length=1, max_length=MAX_NAMED)] | None
    ) = Field(
        default=None,
        description=f"At most {MAX_NAMED} metering points. For more, give a customer; for all, leave it out.",
        examples=[["707057500000000018"]],
    )
    customer_number: CustomerNumber | None = Field(
        default=None, description="Only metering points of this customer."
    )
    from_: MomentText = Field(
        alias="from", description=f"The first moment: {_MOMENT}.", examples=["2026-03-29"]
    )
    to: MomentText | None = Field(
        default=None,
        description=f"The first moment that is not included: {_MOMENT}; by default, the end of the data.",
    )
    resolution: Resolution | None = Field(default=None, description="By default, as stored.")
    as_of: MomentText | None = Field(
        default=None,
        description="Show the data as it was at this time; by default, the newest data.",
    )
    form: Form

    @field_validator("to")
    @classmethod
    def _is_after_from(cls, to: str | None, info: ValidationInfo) -> str | None:
        start = info.data.get("from_")
        if to and start and bodies.moment(to) <= bodies.moment(start):
            first, last = (periods.local_text(bodies.moment(each)) for each in (start, to))
            raise bodies.fault(
                "to-not-after-from",
                f"'to' ({last}) is not after 'from' ({first}).",
                "'to' is exclusive: for one market day, give the next day as 'to'.",
            )
        return to

    @field_validator("as_of")
    @classmethod
    def _has_passed(cls, as_of: str | None, info: ValidationInfo) -> str | None:
        latest: Any = (info.context or {}).get("latest")
        if as_of and latest and bodies.moment(as_of) > latest:
            raise bodies.fault(
                "in-the-future", "'asOf' lies in the future.", "Leave it out for the newest data."
            )
        return as_of


class ExportProgress(Answer):
    """The progress of an export."""

    days: Number = Field(description="Number of market days that are done.")
    of: Number | None = Field(description="Number of market days in all; null until they are counted.")


class FilesProblem(Answer):
    """Why files could not be made; absent otherwise."""

    code: str = Field(description="Stable, for programs.", examples=["access-changed"])
    detail: str = Field(description="What is wrong, as text for people.")


class ExportFile(Answer):
    """A file of an export."""

    name: str = Field(description="The name of the file.")
    bytes: Number = Field(description="The size of the file in bytes.")
    rows: Number = Field(
        description="Number of lines, rows or time series, depending on the format, without headings."
    )
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")
    href: str = Field(
        description="Path of the file: GET answers 302 with a link that is valid for 15 minutes."
    )


class ExportSummary(Answer):
    """An export, without its files."""

    export_id: str = Field(description="The id of the export.", examples=["ex_8224962400000A1B2C3D4"])
    status: OpenStatus
    created_at: datetime = Field(description="When the export was requested.")
    expires_at: datetime = Field(description="When the files are deleted.")
    as_of: datetime = Field(description="The moment whose data all files show.")


class Export(ExportSummary):
    """An export and its files."""

    progress: ExportProgress
    changes_cursor: str = Field(
        description="A cursor for /changes: it returns everything published after this export."
    )
    not_found: list[MeteringPointId] = Field(
        description="Named metering points that do not exist or that you may not read."
    )
    stored_coarser: list[StoredCoarser] = Field(
        description="The first 40 metering points with days that are left out, because they are stored "
        "coarser than `resolution`."
    )
    problem: FilesProblem | Absent = None
    files: list[ExportFile] = Field(description="The files, in order, when the export is finished.")


class ExportPage(Answer):
    """A page of your exports."""

    exports: list[ExportSummary] = Field(description="The newest first.")
    next_cursor: Cursor
