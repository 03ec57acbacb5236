"""Exports, which are files made once, on request: how to request, download and read them."""

import gzip
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from metering_api import errors
from metering_api._transport import Transport
from metering_api.models import Day, Moment, as_text

BOTH = ("consumption", "production")
PATIENCE = 3600.0
_PAUSE = 5.0
_CHUNK = 1 << 18


@dataclass(frozen=True)
class ExportFile:
    """A file of an export.

    Attributes:
        bytes: its length.
        rows: lines, rows or time series, as the form has them, without headings.
        sha256: of its bytes, in hexadecimal digits.
        path: of the file at the API.
    """

    name: str
    bytes: int
    rows: int
    sha256: str
    path: str

    @classmethod
    def of(cls, content: Mapping[str, Any], *, export_id: str) -> "ExportFile":
        """Read one of `files`."""
        name = content["name"]
        path = f"/exports/{quote(export_id, safe='')}/files/{quote(name, safe='')}"
        return cls(name, content["bytes"], content["rows"], content["sha256"], path)


@dataclass(frozen=True)
class ExportSummary:
    """An export, without its files.

    Attributes:
        status: `waiting`, `running`, `finished`, `failed` or `expired`, or a newer word.
        expires_at: when its files are deleted.
        as_of: the moment whose data all files show.
    """

    export_id: str
    status: str
    created_at: datetime
    expires_at: datetime
    as_of: datetime

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Read an export."""
        return cls(**_summary(content))


@dataclass(frozen=True)
class Export(ExportSummary):
    """An export and its files.

    Attributes:
        days: market days that are built.
        of_days: market days in all; None before they are counted.
        changes_cursor: with it, `Client.changes` returns everything that was published after this export.
        not_found: metering points that were named and cannot be read.
        stored_coarser: metering points with days that are left out because they are stored coarser.
        problem: code and detail of what went wrong; None if nothing did.
        files: in order, once it is finished.
    """

    days: int
    of_days: int | None
    changes_cursor: str
    not_found: tuple[str, ...]
    stored_coarser: tuple[str, ...]
    problem: tuple[str, str] | None
    files: tuple[ExportFile, ...]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Read an export with its files."""
        problem, export_id = content.get("problem"), content["exportId"]
        return cls(
            **_summary(content),
            days=content["progress"]["days"],
            of_days=content["progress"]["of"],
            changes_cursor=content["changesCursor"],
            not_found=tuple(content["notFound"]),
            stored_coarser=tuple(each["meteringPointId"] for each in content["storedCoarser"]),
            problem=(problem["code"], problem["detail"]) if problem else None,
            files=tuple(ExportFile.of(each, export_id=export_id) for each in content["files"]),
        )


class Exports:
    """The exports of a client: `Client.exports`."""

    def __init__(self, transport: Transport, *, sleep: Callable[[float], None]) -> None:
        self._transport = transport
        self._sleep = sleep

    def create(
        self,
        *,
        form: str | Mapping[str, Any],
        from_: Moment,
        to: Moment | None = None,
        directions: Sequence[str] = BOTH,
        metering_points: Sequence[str] = (),
        customer_number: int | None = None,
        resolution: str | None = None,
        as_of: Moment | None = None,
    ) -> Export:
        """Request files of the days `[from_, to)`; they are built in the background.

        Args:
            form: `csv`, `ndjson`, `parquet`, `xlsx` or `gs2`, or a form as the API describes it, such as
                `{"format": "csv", "compression": "gzip"}`.
            to: exclusive; None for all that is available.
            metering_points: at most 3000; empty for a customer's, or all of yours.

        Raises:
            InvalidRequest: names every parameter that is at fault.
            TooManyRequests: too many of your exports are being built, and none ended within the patience.
        """
        body = {
            "directions": list(directions),
            "meteringPointIds": list(metering_points) or None,
            "customerNumber": customer_number,
            "from": as_text(from_),
            "to": as_text(to),
            "resolution": resolution,
            "asOf": as_text(as_of),
            "form": {"format": form} if isinstance(form, str) else form,
        }
        answer = self._transport.send(
            "POST",
            "/exports",
            body={name: value for name, value in body.items() if value is not None},
            # A retry after a lost answer must not make a second export.
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        return Export.of(answer.content)

    def get(self, export_id: str) -> Export:
        """Return an export as it is now.

        Raises:
            NotFound: it is unknown or not yours.
        """
        return Export.of(self._transport.get(_path(export_id)).content)

    def list(self) -> Iterator[ExportSummary]:
        """Yield your exports, the newest first."""
        for page in self._transport.pages("/exports", {}):
            yield from map(ExportSummary.of, page["exports"])

    def delete(self, export_id: str) -> None:
        """Delete an export: work on it stops, and its files are deleted."""
        self._transport.send("DELETE", _path(export_id))

    def wait(
        self,
        export: Export,
        *,
        progress: Callable[[Export], None] = lambda export: None,
        patience: float = PATIENCE,
    ) -> Export:
        """Return an export once it is finished.

        Args:
            progress: called with the export after each request.
            patience: seconds to wait in all.

        Raises:
            ExportFailed: it ended without files, or is not finished within the patience.
        """
        waited = 0.0
        while export.status != "finished":
            if export.status in ("failed", "expired"):
                code, detail = export.problem or (export.status, "Request it again.")
                raise errors.ExportFailed(f"{export.export_id}: {code}: {detail}")
            if waited >= patience:
                raise errors.ExportFailed(
                    f"{export.export_id} is not finished after {patience:.0f} seconds; it goes on."
                )
            self._sleep(_PAUSE)
            waited += _PAUSE
            export = self.get(export.export_id)
            progress(export)
        return export

    def download(
        self,
        file: ExportFile,
        folder: str | os.PathLike[str],
        *,
        progress: Callable[[int], None] = lambda size: None,
    ) -> Path:
        """Download a file into a folder, and return its path.

        What is there already is not fetched again: a file with the right SHA-256, or the beginning of one in
        `NAME.part`, which an interrupted download left.

        Args:
            progress: called with how many bytes are there.

        Raises:
            DamagedFile: its SHA-256 is not the one that the API gives.
            Gone: it is deleted, or you may no longer read all of it.
        """
        if Path(file.name).name != file.name:
            raise errors.UnexpectedAnswer(f"'{file.name}' is no name of a file.")
        target = Path(folder) / file.name
        if target.exists() and _sha256(target) == file.sha256:
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{file.name}.part")
        was_begun = draft.exists()
        while True:
            self._complete(file, draft, progress)
            if _sha256(draft) == file.sha256:
                draft.replace(target)
                return target
            draft.unlink()
            if not was_begun:
                raise errors.DamagedFile(f"{file.name} arrived with another SHA-256 than {file.sha256}.")
            was_begun = False

    def _complete(self, file: ExportFile, draft: Path, progress: Callable[[int], None]) -> None:
        waits = self._transport.waits()
        while (size := draft.stat().st_size if draft.exists() else 0) < file.bytes:
            try:
                self._append(file, draft, size, progress)
            except errors.Unreachable as failure:
                waits.before_next_try(failure)

    def _append(self, file: ExportFile, draft: Path, size: int, progress: Callable[[int], None]) -> None:
        with self._transport.open_link(file.path, offset=size) as opened:
            # A server without ranges sends the whole file.
            is_rest = opened.status_code == 206
            with draft.open("ab" if is_rest else "wb") as written:
                for chunk in opened.iter_raw(_CHUNK):
                    written.write(chunk)
                    progress(written.tell())
                if written.tell() < file.bytes:
                    raise errors.Unreachable(f"{file.name} ended after {written.tell()} bytes.")


def read_days(path: str | os.PathLike[str]) -> Iterator[Day]:
    """Yield the days of a file of the form `ndjson`, compressed with gzip or not."""
    opener = gzip.open if Path(path).suffix == ".gz" else open
    with opener(path, "rb") as lines:
        for line in lines:
            yield Day.of(json.loads(line, parse_float=Decimal))


def _summary(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "export_id": content["exportId"],
        "status": content["status"],
        "created_at": datetime.fromisoformat(content["createdAt"]),
        "expires_at": datetime.fromisoformat(content["expiresAt"]),
        "as_of": datetime.fromisoformat(content["asOf"]),
    }


def _path(export_id: str) -> str:
    return f"/exports/{quote(export_id, safe='')}"


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
