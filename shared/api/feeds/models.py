"""Feeds and their runs as models."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from shared import foreign
from shared.api import bodies
from shared.api.bodies import Body, CustomerNumber, Directions
from shared.api.exports.models import FilesProblem
from shared.api.models import Absent, Answer, Cursor, Number, open_words
from shared.files.feeds.ledger import RunStatus
from shared.files.feeds.store import EACH_PUBLICATION, Content, Corrections, Split
from shared.files.forms.about import Gaps
from shared.files.forms.form import FileFormat, Form
from shared.metering import Direction, Resolution

MAX_DAYS, USUAL_DAYS = 35, 7

_STATUS = (
    "The status of the run: `building`, `ready`, `sent` (to an SFTP server), `acknowledged`, `failed`, or "
    "`empty` (nothing to send)."
)
OpenRunStatus = Annotated[RunStatus, open_words(RunStatus, _STATUS)]


def _plain(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise bodies.fault(
            "not-as-expected",
            "The name has only spaces, or has invisible characters.",
            "Use visible characters.",
        )
    return text


def _hours(resolution: str) -> str:
    if resolution != Resolution.PT1H:
        raise bodies.fault(
            "not-a-choice",
            f"'resolution' cannot be '{foreign.shown(resolution)}'.",
            "Use 'PT1H', or leave it out for values as stored.",
        )
    return resolution


class FeedRequest(Body):
    """What a feed sends, and in which form."""

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain)] = Field(
        description="A name for people.", examples=["Daily values to Energinet"]
    )
    directions: Directions = Field(description="One direction or both; each file contains all of them.")
    form: Form
    customer_number: CustomerNumber | None = Field(
        default=None, description="Only metering points of this customer; by default, all that you may read."
    )
    resolution: (
        Annotated[str, AfterValidator(_hours), Field(json_schema_extra={"pattern": "^PT1H$"})] | None
    ) = Field(
        default=None,
        description="`PT1H` sums quarters to hours; by default, values are as stored.",
    )
    split: Split = Split.ONE_FILE
    content: Content = Content.NEW_AND_CORRECTED
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = Field(
        default=None, description=f"With `last-days`: the number of market days; by default {USUAL_DAYS}."
    )
    corrections: Corrections = Corrections.WITH_NEW
    when: str = Field(
        default=EACH_PUBLICATION,
        pattern=rf"^({EACH_PUBLICATION}|([01][0-9]|2[0-3]):[0-5][0-9])$",
        description="`each-publication`, or a time in Europe/Oslo after which the daily run is made.",
        examples=["09:30"],
    )
    gaps: Gaps | None = Field(
        default=None,
        description="Send a day with missing values, or hold it until it is complete. By default `hold` with "
        "gs2, since its readers treat an empty value as zero, and `send` with all other formats.",
    )

    @field_validator("days")
    @classmethod
    def _belong_to_last_days(cls, days: int | None, info: ValidationInfo) -> int | None:
        if days is not None and info.data.get("content") is Content.NEW_AND_CORRECTED:
            raise bodies.fault(
                "not-as-expected",
                "'days' belongs to the content last-days.",
                'Leave it out, or use "content": "last-days".',
            )
        return days

    @field_validator("corrections")
    @classmethod
    def _are_known(cls, corrections: Corrections, info: ValidationInfo) -> Corrections:
        if corrections is Corrections.OWN_FILE and info.data.get("content") is Content.LAST_DAYS:
            raise bodies.fault(
                "not-as-expected",
                "The last days are sent whole, so corrections have no file of their own.",
                'Leave it out, or use "content": "new-and-corrected".',
            )
        return corrections

    @property
    def chosen_gaps(self) -> Gaps:
        """Whether days with missing values are sent or held."""
        return self.gaps or (Gaps.HOLD if self.form.format is FileFormat.GS2 else Gaps.SEND)

    @property
    def chosen_resolution(self) -> Resolution | None:
        """The resolution of all files; None means as stored."""
        return Resolution(self.resolution) if self.resolution else None


class RunFile(Answer):
    """A file of a run."""

    name: str = Field(description="The name of the file.")
    bytes: Number = Field(description="The size of the file in bytes.")
    rows: Number = Field(
        description="Number of lines, rows or time series, depending on the format, without headings."
    )
    values: Number = Field(description="Number of values, including missing ones.")
    missing: Number = Field(description="Number of values without a quantity.")
    estimated: Number = Field(
        description="Number of values that are `estimated`, `final-estimated` or `temporary`."
    )
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")
    href: str = Field(
        description="Path of the file: GET answers 302 with a link that is valid for 15 minutes."
    )


class RunManifest(Answer):
    """The file that lists the other files, with their sums and the cursor for /changes.

    Present when the files are.
    """

    name: str = Field(description="The name of the file.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")
    href: str = Field(description="Path of the file, as for the other files.")


class FeedRun(Answer):
    """The files that a feed made of some publications, and their status."""

    run: str = Field(description="The name of the run.", examples=["000184-000187"])
    sequences: list[Number] = Field(
        description="The first and the last publication of the run.", examples=[[184, 187]]
    )
    as_of: datetime = Field(description="The moment whose data all files show.")
    status: OpenRunStatus
    attempts: Number = Field(description="Number of attempts to send the run to an SFTP server.")
    finished_at: datetime | None = Field(description="When the files were made; null before that.")
    problem: FilesProblem | Absent = None
    manifest: RunManifest | Absent = None
    file_count: Number = Field(description="Number of files, as long as they are kept.")
    files: list[RunFile] = Field(
        description="The files, in order, as long as they are kept: the first 5 000; the manifest lists all."
    )


class FeedRunPage(Answer):
    """A page of the runs of a feed."""

    runs: list[FeedRun] = Field(description="The newest first.")
    next_cursor: Cursor


class Feed(Answer):
    """Files that are made for you after each publication."""

    feed_id: str = Field(description="The id of the feed, as you chose it.", examples=["daily-gs2"])
    name: str = Field(description="A name for people.")
    customer_number: Number | None = Field(
        description="Only metering points of this customer; null: all that you may read."
    )
    directions: list[Direction] = Field(description="The directions that each file contains.")
    resolution: str | None = Field(description="`PT1H`: quarters are summed to hours; null: as stored.")
    form: Annotated[
        dict[str, Any],
        WithJsonSchema({"type": "object", "description": "The form of the files, as you gave it."}),
    ]
    split: str = Field(description="How a run is split into files.")
    content: str = Field(description="What a run contains.")
    days: Number | None = Field(description="Number of market days; null unless `content` is `last-days`.")
    corrections: str = Field(description="Which files contain corrected days.")
    when: str = Field(description="When runs are made.")
    gaps: str = Field(description="Whether days with missing values are sent or held.")
    receiver: str = Field(description="`links`, or `sftp` if we have agreed on a server with you.")
    paused: bool = Field(description="Whether we have paused the feed. If so, ask your contact.")
    created_at: datetime = Field(description="When the feed was created.")
    last_run: str | None = Field(description="The newest run; null before the first.")


class FeedList(Answer):
    """All your feeds."""

    feeds: list[Feed] = Field(description="In the order of their ids.")
