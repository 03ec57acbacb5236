"""The whole function app in this process: its routes, on a real warehouse and real tables."""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

import azure.functions as func

from local.functionhost import functions, routes
from local.functionhost.functions import Function, HttpFunction
from local.functionhost.invocation import Context, TraceContext
from shared.access import runs
from shared.access.grant import Grant
from shared.access.grants import Grants
from shared.access.mode import Mode
from shared.access.runs import Run
from shared.access.sync import changes, store
from shared.access.sync.changes import Change
from shared.services import Clock, Services

GATEWAY = "5a5e0000-0000-4000-8000-0000000000a1"


@dataclass(frozen=True)
class Answer:
    """What a route answered; numbers are read as the decimals that they are."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    media_type: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body, parse_float=Decimal)


@dataclass
class Api:
    """Asks the routes as the gateway would."""

    module: Any
    indexed: Sequence[Function]
    sent: dict[str, str] = field(default_factory=lambda: {"x-ms-client-principal-id": GATEWAY})

    @property
    def services(self) -> Services:
        """What the routes work with."""
        found: Services = self.module.services
        return found

    @contextmanager
    def using(self, services: Services) -> Iterator[None]:
        """Let the routes work with other services for a while."""
        before, self.module.services = self.module.services, services
        try:
            yield
        finally:
            self.module.services = before

    @contextmanager
    def at(self, clock: Clock) -> Iterator[None]:
        """Let the app work at another time, at which access has just been brought up to date."""
        grants = Grants(
            tables=self.services.tables,
            max_age=self.services.settings.access_max_age,
            clock=clock,
            monotonic=lambda: clock().timestamp(),
        )
        try:
            with self.using(replace(self.services, clock=clock, grants=grants)):
                self.confirm_access(clock())
                yield
        finally:
            self.confirm_access()

    def get(
        self, path: str, *, principal: str | None, headers: Mapping[str, str] | None = None, **given: Any
    ) -> Answer:
        """Ask a route for `principal`; a parameter `from_` is sent as `from`, a list as repeated ones."""
        query = urlencode({name.rstrip("_"): value for name, value in given.items()}, doseq=True)
        return self.get_url(f"{path}?{query}" if query else path, principal=principal, headers=headers)

    def get_url(self, url: str, *, principal: str | None, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a path with its query as it is written."""
        return self.send("GET", url, principal=principal, headers=headers)

    def send(
        self,
        method: str,
        url: str,
        *,
        principal: str | None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Ask with any method."""
        http = [each for each in self.indexed if isinstance(each, HttpFunction)]
        ordered = routes.in_order([each.route for each in http])
        found = routes.match(ordered, method=method, path=urlsplit(url).path)
        if found is None:
            raise AssertionError(f"no route takes {url}")
        route, parameters = found
        (function,) = (each for each in http if each.route == route)
        request = func.HttpRequest(
            method=method,
            url=f"http://127.0.0.1{url}",
            headers={**self.sent, **_caller(principal), **(headers or {})},
            route_params=dict(parameters),
            body=body,
        )
        # The worker gives a context to a function that says that it takes one.
        if "context" not in inspect.signature(function.call).parameters:
            raise AssertionError(f"{function.name} takes no context")
        answer = function.call(req=request, context=context(function.name))
        return Answer(answer.status_code, dict(answer.headers), answer.get_body(), answer.mimetype)

    def answer_as_if(self, **changed: Any) -> AbstractContextManager[None]:
        """Let the routes work with changed settings for a while."""
        services = self.services
        return self.using(replace(services, settings=replace(services.settings, **changed)))

    def grant(self, *grants: Grant) -> None:
        """Give one principal these grants, and note that access is in order now."""
        partition = store.read_partition(self.services.tables, grants[0].principal)
        stored = {key: each.grant for key, each in partition.grants.items()}
        planned = changes.plan(stored=stored, wanted={each.key: each for each in grants})
        # As the sync does: one transaction cannot hold a loss and a gain of the same grant.
        for changes_of_one_kind in (planned.losses, planned.gains):
            if changes_of_one_kind:
                self._write(changes_of_one_kind, principal=grants[0].principal)
        self.confirm_access()

    def revoke(self, principal: str, metering_point_id: str) -> None:
        """Take every grant of a metering point from a principal."""
        partition = store.read_partition(self.services.tables, principal)
        gone = [each.grant for key, each in partition.grants.items() if key[1] == metering_point_id]
        self._write([Change(before=grant, after=None) for grant in gone], principal=principal)

    def confirm_access(self, at: datetime | None = None) -> None:
        """Record a complete sync by the settings of the app."""
        now = at or datetime.now(UTC)
        chosen = self.services.settings
        run = Run(
            run_id=runs.new_run_id(now),
            outcome="complete",
            started_at=now,
            finished_at=now,
            completed_at=now,
            counts={},
            report="",
            restriction_defined=True,
            mode=Mode(
                metering_point_source=chosen.sync.metering_point_source,
                entra_provisioning=chosen.directory.provisioning,
                severa_client_ids_property=chosen.severa.client_ids_property,
                severa_metering_points_property=chosen.severa.metering_points_property,
                severa_contact_role=chosen.severa.contact_role,
            ),
        )
        runs.record(self.services.tables, run)

    def _write(self, wanted: Sequence[Change], *, principal: str) -> None:
        partition = store.read_partition(self.services.tables, principal)
        now = datetime.now(UTC)
        writer = store.Writer(self.services.tables, partition, run_id=runs.new_run_id(now))
        writer.write(wanted, now=now)
        writer.finish()


def context(name: str) -> Context:
    """Return an invocation by a host that keeps no traces."""
    return Context(name, "", "", TraceContext(trace_parent="", trace_state=""))


def _caller(principal: str | None) -> dict[str, str]:
    if principal is None:
        return {}
    kind, _, caller_id = principal.partition(":")
    return {"x-caller-type": kind, "x-caller-id": caller_id}


def indexed(app: func.FunctionApp) -> list[Function]:
    """Return the functions of an app, with a schedule for each timer and a connection for each queue."""
    settings = {"SYNC_SCHEDULE": "0 0 0 1 1 *", "PUBLISH_SCHEDULE": "0 0 0 1 1 *", "OUTBOX": "unused"}
    return functions.index(app, prefix="", settings=settings)
