"""Feeds and their runs as models."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, field_validator

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
    "What became of it: `building`, `ready`, `sent` to an SFTP server, `acknowledged`, `failed`, `empty`: "
    "nothing was new."
)
OpenRunStatus = Annotated[RunStatus, open_words(RunStatus, _STATUS)]


def _plain(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise bodies.fault("not-as-expected", "The name has no visible characters.", "Use visible ones.")
    return text


class FeedRequest(Body):
    """What a feed is to send, and in which form."""

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain)] = Field(
        description="For people.", examples=["Daily values to Energinet"]
    )
    directions: Directions = Field(description="One or both; each file holds all of them.")
    form: Form
    customer_number: CustomerNumber | None = Field(
        default=None, description="Only metering points of this customer; left out: all that you may read."
    )
    resolution: str | None = Field(
        default=None,
        pattern="^PT1H$",
        description="`PT1H` sums quarters to hours; as stored when left out.",
    )
    split: Split = Split.ONE_FILE
    content: Content = Content.NEW_AND_CORRECTED
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = Field(
        default=None, description=f"With `last-days`: how many market days; left out: {USUAL_DAYS}."
    )
    corrections: Corrections = Corrections.WITH_NEW
    when: str = Field(
        default=EACH_PUBLICATION,
        pattern=rf"^({EACH_PUBLICATION}|([01][0-9]|2[0-3]):[0-5][0-9])$",
        description="`each-publication`, or a time in Europe/Oslo: the run of a day is made from then on.",
        examples=["09:30"],
    )
    gaps: Gaps | None = Field(
        default=None,
        description="A day with missing values is sent, or held until it is complete. Left out: `hold` with "
        "gs2, whose readers take an empty value for zero; `send` with every other format.",
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
        """What becomes of days with missing values."""
        return self.gaps or (Gaps.HOLD if self.form.format is FileFormat.GS2 else Gaps.SEND)

    @property
    def chosen_resolution(self) -> Resolution | None:
        """The resolution of all files; None means as stored."""
        return Resolution(self.resolution) if self.resolution else None


class RunFile(Answer):
    """A file of a run."""

    name: str = Field(description="Its name.")
    bytes: Number = Field(description="Its length.")
    rows: Number = Field(description="Lines, rows or time series, as the form has them, without headings.")
    values: Number = Field(description="Intervals, the missing ones too.")
    missing: Number = Field(description="Values without a quantity.")
    estimated: Number = Field(description="Values that are estimated, finally estimated or temporary.")
    sha256: str = Field(description="SHA-256 of its bytes, in hexadecimal digits.")
    href: str = Field(description="Path of the file: GET answers 302 to a link that lives for 15 minutes.")


class RunManifest(Answer):
    """The file that lists the others, with their sums and the cursor of /changes; there once they are."""

    name: str = Field(description="Its name.")
    sha256: str = Field(description="SHA-256 of its bytes, in hexadecimal digits.")
    href: str = Field(description="Path of the file, as for the other files.")


class FeedRun(Answer):
    """What a feed made of some publications, and what became of it."""

    run: str = Field(description="Its name.", examples=["000184-000187"])
    sequences: list[Number] = Field(
        description="The first and the last publication in it.", examples=[[184, 187]]
    )
    as_of: datetime = Field(description="The moment whose data all files show.")
    status: OpenRunStatus
    attempts: Number = Field(description="How often it was tried to send it to an SFTP server.")
    finished_at: datetime | None = Field(description="When its files were made; null before.")
    problem: FilesProblem | Absent = None
    manifest: RunManifest | Absent = None
    file_count: Number = Field(description="How many files it has, as long as they are kept.")
    files: list[RunFile] = Field(
        description="Its files, in order, as long as they are kept: the first 5 000; the manifest lists all."
    )


class FeedRunPage(Answer):
    """A page of the ledger of a feed."""

    runs: list[FeedRun] = Field(description="The newest first.")
    next_cursor: Cursor


class Feed(Answer):
    """Files that are made for you after each publication."""

    feed_id: str = Field(description="Its id, as you chose it.", examples=["daily-gs2"])
    name: str = Field(description="For people.")
    customer_number: Number | None = Field(description="Null: all metering points that you may read.")
    directions: list[Direction] = Field(description="What each file holds.")
    resolution: str | None = Field(description="Null: as stored.")
    form: Annotated[
        dict[str, Any],
        WithJsonSchema({"type": "object", "description": "The form of its files, as it was given."}),
    ]
    split: str = Field(description="How a run is cut into files.")
    content: str = Field(description="What a run holds.")
    days: Number | None = Field(description="How many market days; null unless `content` is `last-days`.")
    corrections: str = Field(description="Which files contain corrected days.")
    when: str = Field(description="When a run is made.")
    gaps: str = Field(description="What becomes of days with missing values.")
    receiver: str = Field(description="`links`, or `sftp` where we have agreed on a server with you.")
    paused: bool = Field(description="We have paused it: ask your contact.")
    created_at: datetime = Field(description="When it was made.")
    last_run: str | None = Field(description="The newest run; null before the first.")


class FeedList(Answer):
    """All your feeds."""

    feeds: list[Feed] = Field(description="In the order of their ids.")
