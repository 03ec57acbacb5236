"""An export and the changes from its cursor are what a direct read gives, after any history.

While an export is asked for, built and fetched, deliveries are published, processes die at any of their
steps, and messages come twice. EXPORT_HISTORIES says how many histories there are, 40 by default; each is
made from its number, so that one that fails can be run again by itself.
"""

import hashlib
import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import httpx
import pytest
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from shared import queues
from shared.access.grant import Grant, Span
from shared.files import making
from shared.files.exports import store
from shared.files.exports.building import Workshop
from shared.files.exports.keeping import Keeper
from shared.metering import MeteringPointId
from shared.services import Services
from tests.builders import histories
from tests.builders.api import Answer, Api
from tests.builders.histories import Died, Mortal
from tests.function_app.conftest import Deliver

HISTORIES = int(os.environ.get("EXPORT_HISTORIES", "40"))
FIRST_IDS = 40_000
"""Histories of exports have metering points that no other history has."""
UNTIL = "2026-01-01"
STEPS = 24
"""About as many steps as building a part takes: each is a place to die."""

Day = tuple[str, str, str]
"""Metering point, direction and market day."""


@dataclass
class Dying:
    """A service of a mortal process, which may die before and after each call."""

    inner: Any
    process: Mortal

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.process.step()
            result = found(*arguments, **named)
            self.process.step()
            return result

        return call


class History:
    """A caller, its metering points, and what happens while it has files made."""

    def __init__(self, api: Api, deliver: Deliver, number: int) -> None:
        self.api = api
        self.deliver = deliver
        self.chance = random.Random(number)
        self.principal = f"app:00000000-0000-4000-8000-{number:012d}"
        self.ids = histories.metering_point_ids(FIRST_IDS + number)
        self.keys = histories.few_keys(self.chance, self.ids)
        self.delivered: list[histories.Content] = []
        self.deaths = 0
        ends = self.chance.choice([None, histories.MONDAY])
        spans = [Span(None, ends), Span(None, None), Span(None, None)]
        api.grant(
            *(
                Grant(self.principal, MeteringPointId(each), 1, "Customer", (span,), "test")
                for each, span in zip(self.ids, spans, strict=True)
            )
        )
        outbox = api.services.settings.outbox
        assert outbox is not None
        self.queue = QueueClient.from_connection_string(
            outbox.queues,
            queues.FILES,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        )
        self.queue.clear_messages()

    # --- what happens

    def publish(self) -> None:
        """Publish something new, or a correction of what was published."""
        if self.delivered and self.chance.random() < 0.4:
            content = histories.with_other_values(self.chance, self.chance.choice(self.delivered))
        else:
            content = histories.delivery(self.chance, self.keys)
        self.delivered.append(content)
        self.deliver(content.lines)

    def mortal(self) -> Services:
        """Return the services of a process that dies after some steps; of one that lives, mostly."""
        usual = self.api.services
        steps = self.chance.randint(0, STEPS) if self.chance.random() < 0.4 else 10**9
        process = Mortal(usual.warehouse, steps)
        made = replace(usual, warehouse=process)
        kept: Any = Dying(usual.files.exports, process)
        dying: dict[str, Any] = {
            name: Dying(getattr(usual.files, name), process) for name in ("outbox", "queues")
        }
        keeper = Keeper(
            exports=kept,
            outbox=dying["outbox"],
            queue=dying["queues"],
            grants=usual.grants,
            clock=usual.clock,
        )
        workshop = Workshop(keeper, process, max_values=self.chance.choice([30, 100, 2_000_000]))
        made.files.__dict__.update(exports=kept, keeper=keeper, workshop=workshop)
        return made

    def ask(self, wanted: Mapping[str, Any]) -> str:
        """Ask for an export until it is accepted; return its id."""
        while True:
            with self.api.using(self.mortal()):
                answer = self.send("POST", "/v1/exports", json.dumps(wanted).encode())
            if answer.status == 202:
                return str(answer.json["exportId"])
            assert answer.status == 500
            self.deaths += 1

    def build(self, export_id: str) -> Any:
        """Let the work be done, with deaths and publications between; return the finished export."""
        while True:
            if self.chance.random() < 0.3:
                self.publish()
            message = self.queue.receive_message(visibility_timeout=60)
            if message is not None:
                try:
                    self.mortal().files.build(message.content)
                    if self.chance.random() < 0.2:
                        self.mortal().files.build(message.content)
                    self.queue.delete_message(message)
                except Died:
                    self.deaths += 1
                    self.queue.update_message(message, visibility_timeout=0)
                continue
            found = self.get(f"/v1/exports/{export_id}").json
            if found["status"] == "finished":
                return found
            assert found["status"] in ("waiting", "running"), found
            # A process died before it had sent its messages.
            replace(self.api.services.files.keeper, clock=self.later).sweep()

    def later(self) -> datetime:
        """Return the time when messages that did not come count as lost."""
        return self.api.services.clock() + making.SILENT

    # --- what is read

    def files(self, export: Any) -> dict[Day, Any]:
        """Return the market days of the files, which are whole, in order, and the only ones."""
        folder = store.folder(self.principal, export["exportId"])
        stored = [path.removeprefix(folder) for path in self.api.services.files.outbox.paths(folder)]
        assert sorted(stored) == sorted(each["name"] for each in export["files"])
        found: list[Any] = []
        for each in export["files"]:
            link = self.get(each["href"].removeprefix("/metering")).headers["Location"]
            content = httpx.get(link, trust_env=False).raise_for_status().content
            assert (len(content), hashlib.sha256(content).hexdigest()) == (each["bytes"], each["sha256"])
            found += _lines(content)
            assert each["rows"] == content.count(b"\n")
        assert export["progress"] == {"days": len(found), "of": len(found)}
        assert [_key(each) for each in found] == sorted({_key(each) for each in found})
        return {_key(each): _what(each) for each in found}

    def follow(self, mirror: dict[Day, Any], cursor: str, wanted: Mapping[str, Any]) -> None:
        """Replace what has changed since, page by page, while more is published."""
        for publications in range(4):
            is_up_to_date = False
            while not is_up_to_date:
                limit = self.chance.choice([1, 2, 5, 100])
                page = self.get("/v1/changes", cursor=cursor, limit=limit).json
                days = [each for each in page["days"] if _is_wanted(each, wanted)]
                mirror |= {_key(each): _what(each) for each in days}
                cursor, is_up_to_date = page["cursor"], page["upToDate"]
            if publications < 3 and self.chance.random() < 0.5:
                self.publish()

    def read(self, wanted: Mapping[str, Any], **given: Any) -> dict[Day, Any]:
        """Return the market days that the API gives."""
        found: list[Any] = []
        for direction in wanted["directions"]:
            answer = self.get(
                f"/v1/{direction}",
                from_=wanted["from"],
                to=wanted["to"],
                layout="days",
                format="ndjson",
                **({"meteringPointId": wanted["meteringPointIds"]} if "meteringPointIds" in wanted else {}),
                **given,
            )
            assert answer.status == 200, answer.body
            found += _lines(answer.body)
        return {_key(each): _what(each) for each in found}

    def get(self, path: str, **given: Any) -> Answer:
        return self.api.get(path, principal=self.principal, **given)

    def send(self, method: str, path: str, body: bytes) -> Answer:
        headers = {"content-type": "application/json"}
        return self.api.send(method, path, principal=self.principal, headers=headers, body=body)


def _lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def _key(day: Mapping[str, Any]) -> Day:
    return day["meteringPointId"], day["direction"], day["date"]


def _what(day: Mapping[str, Any]) -> list[Any]:
    return [day[name] for name in ("start", "resolution", "quality", "exceptions")] + [
        [None if each is None else f"{each:.3f}" for each in day["quantities"]]
    ]


def _is_wanted(day: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    named: Sequence[str] | None = wanted.get("meteringPointIds")
    return (
        day["direction"] in wanted["directions"]
        and wanted["from"] <= day["date"] < wanted["to"]
        and (named is None or day["meteringPointId"] in named)
    )


def _wanted(history: History) -> dict[str, Any]:
    chance = history.chance
    directions = chance.choice([["consumption", "production"], ["production"], ["consumption"]])
    named = chance.choice([{}, {}, {"meteringPointIds": chance.sample(history.ids, 2)}])
    first = str(chance.choice([histories.SPRING, histories.SPRING, histories.MONDAY]))
    return {"directions": directions, "from": first, "to": UNTIL, "form": {"format": "ndjson"}, **named}


@pytest.mark.parametrize("number", range(HISTORIES))
def test_an_export_and_the_changes_after_it_are_a_direct_read(
    api: Api, deliver: Deliver, number: int
) -> None:
    history = History(api, deliver, number)
    wanted = _wanted(history)
    for _ in range(history.chance.randint(0, 3)):
        history.publish()

    export = history.build(history.ask(wanted))
    if history.chance.random() < 0.5:
        history.publish()
    mirror = history.files(export)
    assert mirror == history.read(wanted, asOf=export["asOf"])
    history.follow(mirror, export["changesCursor"], wanted)

    assert mirror == history.read(wanted)
