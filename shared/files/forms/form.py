"""The form of a file: its format, its layout and the options of the format, read from a request body.

Every fault is a pydantic error with its place, including an option of another format.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from shared.files.forms.templates import Times
from shared.metering import Quality

MAX_COLUMNS = 24

_CONTROL = {chr(code) for code in range(32)} | {"\x7f", "\ufeff"}


class FileFormat(StrEnum):
    """The format of a file."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    XLSX = "xlsx"
    GS2 = "gs2"


class Compression(StrEnum):
    """The compression of a file."""

    NONE = "none"
    GZIP = "gzip"


class FileLayout(StrEnum):
    """A row for each value, or a column for each metering point."""

    ROWS = "rows"
    WIDE = "wide"


class ColumnField(StrEnum):
    """What a column of a profile can show."""

    METERING_POINT_ID = "meteringPointId"
    DIRECTION = "direction"
    TIME = "time"
    TIME_OFFSET = "timeOffset"
    START = "start"
    START_OFFSET = "startOffset"
    END = "end"
    END_OFFSET = "endOffset"
    RESOLUTION = "resolution"
    QUANTITY = "quantity"
    UNIT = "unit"
    QUALITY = "quality"


class Stamp(StrEnum):
    """Which end of the interval the column `time` shows."""

    START = "start"
    END = "end"


class Unit(StrEnum):
    """The unit of quantities: kWh with three decimals, or whole Wh."""

    KWH = "kWh"
    WH = "Wh"


class Encoding(StrEnum):
    """The character encoding of a file."""

    UTF_8 = "utf-8"
    WINDOWS_1252 = "windows-1252"


class Key(StrEnum):
    """The key of a GS2 time series that holds the metering point."""

    REFERENCE = "Reference"
    INSTALLATION = "Installation"
    PLANT = "Plant"


class Strict(BaseModel):
    """A model read from JSON: camel case, no unknown fields, no conversion of types."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True, frozen=True
    )


def _no_control(text: str) -> str:
    if _CONTROL.intersection(text):
        raise fault("not-as-expected", "The text has control characters.", "Use visible characters.")
    return text


def _gs2_text(text: str) -> str:
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise fault("not-as-expected", "The text is not plain ASCII.", "Use visible ASCII characters.")
    return text


def _gs2_code(text: str) -> str:
    if not (text.isascii() and text.isalnum()):
        raise fault(
            "not-as-expected",
            "The code has characters other than letters and digits.",
            "Use a code such as 0, 1 or E.",
        )
    return text


def fault(code: str, message: str, hint: str) -> PydanticCustomError:
    """Return an error of type `body`, which the API shows with this code, message and hint."""
    # In pydantic's templates a brace begins a placeholder, so the texts are passed as values.
    return PydanticCustomError("body", "{message}", {"code": code, "message": message, "hint": hint})


def _sign(pattern: str, description: str) -> Any:
    """Describe a sign by a pattern: code generators name the values of an enum, and a sign is not a name."""
    return WithJsonSchema({"type": "string", "pattern": pattern, "description": description})


Delimiter = Annotated[
    Literal[",", ";", "\t", "|"], _sign(r"^[,;\t|]$", "The sign between the cells of a row.")
]
Decimal = Annotated[Literal[".", ","], _sign("^[.,]$", "The decimal sign.")]


Heading = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_no_control)]
Code = Annotated[str, Field(max_length=8), AfterValidator(_gs2_code)]
Party = Annotated[str, Field(min_length=1, max_length=35), AfterValidator(_gs2_text)]


class ColumnOfProfile(Strict):
    """A column: what it shows, and its heading."""

    field: ColumnField
    heading: Heading | None = Field(
        default=None, description="The heading of the column; by default, the name of the field."
    )


Columns = Annotated[list[ColumnOfProfile], Field(min_length=1, max_length=MAX_COLUMNS)]


class Profile(Strict):
    """How CSV is written for one receiver.

    By default, the columns are those of the API, with `time` if `stamp` is given.
    """

    encoding: Encoding = Encoding.UTF_8
    bom: bool = Field(default=False, description="Start the file with a byte order mark.")
    delimiter: Delimiter = ","
    decimal: Decimal = "."
    time: Times = Times.ISO
    unit: Unit = Unit.KWH
    columns: Columns | None = Field(
        default=None, description="The columns in their order; exactly one of them shows `quantity`."
    )
    stamp: Stamp | None = Field(default=None, description="Which end of the interval `time` shows.")

    @field_validator("bom")
    @classmethod
    def _only_in_utf_8(cls, bom: bool, info: ValidationInfo) -> bool:
        if bom and info.data.get("encoding") is Encoding.WINDOWS_1252:
            raise fault(
                "not-in-format", "windows-1252 has no byte order mark.", "Leave 'bom' out, or use utf-8."
            )
        return bom

    @field_validator("decimal")
    @classmethod
    def _is_not_the_delimiter(cls, decimal: str, info: ValidationInfo) -> str:
        if decimal == info.data.get("delimiter") == ",":
            raise fault(
                "not-in-format", "The decimal sign is also the delimiter.", 'Use "delimiter": ";" as well.'
            )
        return decimal

    @field_validator("columns")
    @classmethod
    def _are_encodable(
        cls, columns: list[ColumnOfProfile] | None, info: ValidationInfo
    ) -> list[ColumnOfProfile] | None:
        headings = [each.heading or each.field for each in columns or []]
        if len(set(headings)) < len(headings):
            raise fault(
                "given-twice", "Two columns have the same heading.", "Give each column its own heading."
            )
        if info.data.get("encoding") is Encoding.WINDOWS_1252:
            for heading in headings:
                _encodable(heading)
        if columns and [each.field for each in columns].count(ColumnField.QUANTITY) != 1:
            raise fault(
                "not-in-format", "Exactly one column must show 'quantity'.", "Give one column 'quantity'."
            )
        return columns

    @field_validator("stamp")
    @classmethod
    def _has_a_column(cls, stamp: Stamp | None, info: ValidationInfo) -> Stamp | None:
        fields = {each.field for each in info.data.get("columns") or []}
        if stamp and fields and not fields & {ColumnField.TIME, ColumnField.TIME_OFFSET}:
            raise fault(
                "not-in-format", "'stamp' is given, but no column shows 'time'.", "Add a column 'time'."
            )
        return stamp


class Gs2(Strict):
    """How GS2 is written for one receiver.

    Attributes:
        gmt_reference: hours that all times of the file are ahead of UTC, in summer and winter alike.
        qualities: codes by quality; the others keep 0 for measured and calculated, 1 for estimates.
    """

    gmt_reference: Annotated[int, Field(ge=-12, le=14)] = Field(
        default=1, description="Offset of all times from UTC in hours, the same in summer and winter."
    )
    key: Key = Key.REFERENCE
    qualities: Mapping[Quality, Code] | None = Field(
        default=None,
        description="Codes by quality. By default 0 for measured and calculated, 1 for estimated and "
        "temporary, X for missing.",
    )
    to: Party | None = Field(default=None, description="The id of the receiver in the receiver's system.")
    from_: Party | None = Field(default=None, alias="from", description="The sender.")


class Form(Strict):
    """Format and layout of a file."""

    format: FileFormat
    compression: Compression = Compression.NONE
    layout: FileLayout = FileLayout.ROWS
    profile: Profile | None = None
    gs2: Gs2 | None = None

    @classmethod
    def of_stored(cls, given: Mapping[str, Any]) -> "Form":
        """Return the form that was stored as JSON."""
        return cls.model_validate(dict(given), strict=False)

    @field_validator("compression")
    @classmethod
    def _is_not_packed_yet(cls, compression: Compression, info: ValidationInfo) -> Compression:
        if compression is Compression.GZIP:
            _belongs("compression", info, FileFormat.CSV, FileFormat.NDJSON, FileFormat.GS2)
        return compression

    @field_validator("layout")
    @classmethod
    def _has_columns(cls, layout: FileLayout, info: ValidationInfo) -> FileLayout:
        if layout is FileLayout.WIDE:
            _belongs("layout", info, FileFormat.CSV, FileFormat.XLSX)
        return layout

    @field_validator("profile")
    @classmethod
    def _is_csv(cls, profile: Profile | None, info: ValidationInfo) -> Profile | None:
        if profile is not None:
            _belongs("profile", info, FileFormat.CSV)
        if profile and profile.columns and info.data.get("layout") is FileLayout.WIDE:
            raise fault(
                "not-in-format",
                "The wide layout has fixed columns: the time, and one for each metering point.",
                "Leave 'columns' out, or use the layout rows.",
            )
        return profile

    @field_validator("gs2")
    @classmethod
    def _is_gs2(cls, gs2: Gs2 | None, info: ValidationInfo) -> Gs2 | None:
        if gs2 is not None:
            _belongs("gs2", info, FileFormat.GS2)
        return gs2


def _belongs(name: str, info: ValidationInfo, *formats: FileFormat) -> None:
    """Raise a fault unless the form has one of the formats that an option belongs to."""
    chosen: Any = info.data.get("format")
    if chosen is not None and chosen not in formats:
        words = " or ".join(formats)
        raise fault(
            "not-in-format",
            f"'{name}' with this value is not possible in {chosen}.",
            f"Leave it out, or use {words}.",
        )


def _encodable(heading: str) -> None:
    try:
        heading.encode("cp1252")
    except UnicodeEncodeError:
        raise fault(
            "not-as-expected", "A heading has letters that windows-1252 does not have.", "Use utf-8."
        ) from None
