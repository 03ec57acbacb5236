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
_STATUS = "What comes of it: `waiting`, `running`, `finished`, `failed`, `expired`."
OpenStatus = Annotated[ExportStatus, open_words(ExportStatus, _STATUS)]


class ExportRequest(Body):
    """What an export is to hold, and in which form."""

    directions: Directions = Field(description="One or both; each file holds all of them.")
    metering_point_ids: (
        Annotated[list[MeteringPointIdText], Field(min_length=1, max_length=MAX_NAMED)] | None
    ) = Field(
        default=None,
        description=f"At most {MAX_NAMED}; beyond that name a customer, or leave it out for all.",
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
        description=f"The first moment that is not included: {_MOMENT}; left out: all that there is.",
    )
    resolution: Resolution | None = Field(default=None, description="As stored when left out.")
    as_of: MomentText | None = Field(
        default=None,
        description="The files as they would have been at this moment; left out: the newest data.",
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
                "'to' is exclusive: for one market day give the next day as 'to'.",
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
    """How much of an export is built."""

    days: Number = Field(description="Market days that are built.")
    of: Number | None = Field(description="Market days in all; null before they are counted.")


class FilesProblem(Answer):
    """Why files could not be made; absent otherwise."""

    code: str = Field(description="Stable, for programs.", examples=["access-changed"])
    detail: str = Field(description="What is wrong, for people.")


class ExportFile(Answer):
    """A file of an export."""

    name: str = Field(description="Its name.")
    bytes: Number = Field(description="Its length.")
    rows: Number = Field(description="Lines, rows or time series, as the form has them, without headings.")
    sha256: str = Field(description="SHA-256 of its bytes, in hexadecimal digits.")
    href: str = Field(description="Path of the file: GET answers 302 to a link that lives for 15 minutes.")


class ExportSummary(Answer):
    """An export, without its files."""

    export_id: str = Field(description="Its id.", examples=["ex_8224962400000A1B2C3D4"])
    status: OpenStatus
    created_at: datetime = Field(description="When it was asked for.")
    expires_at: datetime = Field(description="When its files are deleted.")
    as_of: datetime = Field(description="The moment whose data all files show.")


class Export(ExportSummary):
    """An export and its files."""

    progress: ExportProgress
    changes_cursor: str = Field(
        description="A cursor of /changes: everything that was published after this export."
    )
    not_found: list[MeteringPointId] = Field(
        description="Metering points that were named and do not exist, or that you may not read."
    )
    stored_coarser: list[StoredCoarser] = Field(
        description="The first 40 metering points with days that are left out."
    )
    problem: FilesProblem | Absent = None
    files: list[ExportFile] = Field(description="Its files, in order, once it is finished.")


class ExportPage(Answer):
    """A page of your exports."""

    exports: list[ExportSummary] = Field(description="The newest first.")
    next_cursor: Cursor
