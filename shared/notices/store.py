"""Webhooks and notices in Table Storage, and how far events were handled."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from shared import tables
from shared.notices import webhooks
from shared.notices.webhooks import MOST_WEBHOOKS, Notice, NoticeStatus, TooManyWebhooks, Webhook
from shared.tables import Tables

HANDLED = "notices"
"""The partition of `ServiceState` with what was handled."""

_TURN = "~"
"""The row in a principal's partition that each new webhook writes; it comes after all ids."""

LARGEST_HISTORY = 1_000
"""The most notices of a webhook that are listed, the newest first."""

log = logging.getLogger("metering.notices")

_COLUMNS = ("PartitionKey", "RowKey", "createdAt")


class Store:
    """Webhooks and notices. Safe to use from several threads. Any method may raise TablesUnavailable."""

    def __init__(self, storage: Tables) -> None:
        self._tables = storage

    def webhook(self, principal: str, webhook_id: str) -> Webhook | None:
        """Return a webhook; None if there is none."""
        found = self._tables.get(tables.WEBHOOKS, partition=principal, row=webhook_id)
        return None if found is None else webhooks.webhook_of(found)

    def webhooks_of(self, principal: str) -> list[Webhook]:
        """Return the webhooks of a principal, by id; unreadable ones are logged and left out."""
        rows = self._tables.range(tables.WEBHOOKS, partition=principal, rows_before=_TURN)
        return list(tables.readable(rows, webhooks.webhook_of, what="webhook"))

    def every_webhook(self) -> Iterator[Webhook]:
        """Yield all webhooks, by principal and id; unreadable ones are logged and left out."""
        rows = (each for each in self._tables.everything(tables.WEBHOOKS) if each["RowKey"] != _TURN)
        return tables.readable(rows, webhooks.webhook_of, what="webhook")

    def add_webhook(self, webhook: Webhook) -> None:
        """Store a new webhook.

        Raises:
            AlreadyExists: there is one with its id.
            TooManyWebhooks: the principal has as many as it may.
        """

        def refuse_too_many() -> None:
            if len(self.webhooks_of(webhook.principal)) >= MOST_WEBHOOKS:
                raise TooManyWebhooks

        self._tables.insert_in_turn(
            tables.WEBHOOKS, webhooks.webhook_entity(webhook), turn=_TURN, check=refuse_too_many
        )

    @tables.retry_when_changed
    def change_webhook(
        self, principal: str, webhook_id: str, change: Callable[[Webhook], Webhook]
    ) -> Webhook | None:
        """Change a stored webhook, and return it; None if there is none. An unchanged one is not written.

        Raises:
            ChangedMeanwhile: others changed it during every attempt.
        """
        stored = self.webhook(principal, webhook_id)
        if stored is None:
            return None
        changed = change(stored)
        if changed != stored:
            entity = webhooks.webhook_entity(changed)
            etag = self._tables.replace(tables.WEBHOOKS, entity, etag=stored.etag)
            return replace(changed, etag=etag)
        return stored

    def delete_webhook(self, principal: str, webhook_id: str) -> None:
        """Delete a webhook with its notices."""
        self._tables.delete(tables.WEBHOOKS, partition=principal, row=webhook_id)
        partition = webhooks.partition_of_notices(principal, webhook_id)
        self._tables.delete_range(tables.NOTICES, partition=partition)

    def notice(self, principal: str, webhook_id: str, notice_id: str) -> Notice | None:
        """Return a notice; None if there is none."""
        partition = webhooks.partition_of_notices(principal, webhook_id)
        found = self._tables.get(tables.NOTICES, partition=partition, row=notice_id)
        return None if found is None else webhooks.notice_of(found)

    def notices_of(self, webhook: Webhook, *, since: datetime) -> list[Notice]:
        """Return a webhook's notices since a moment, the newest first; unreadable ones are left out."""
        rows = self._tables.range(tables.NOTICES, partition=webhooks.partition_of_notices(*webhook.key))
        notices = tables.readable(rows, webhooks.notice_of, what="notice")
        recent = (each for each in notices if each.created_at >= since)
        return sorted(recent, key=lambda each: each.created_at, reverse=True)[:LARGEST_HISTORY]

    def add_notice(self, notice: Notice) -> Notice:
        """Store a notice, unless the same event has one already; return the stored notice."""
        try:
            etag = self._tables.insert(tables.NOTICES, webhooks.notice_entity(notice))
        except tables.AlreadyExists:
            return self.notice(notice.principal, notice.webhook_id, notice.notice_id) or notice
        return replace(notice, etag=etag)

    def replace_notice(self, notice: Notice) -> Notice:
        """Write a notice over the version that was read.

        Raises:
            ChangedMeanwhile: it is not the version that was read.
        """
        etag = self._tables.replace(tables.NOTICES, webhooks.notice_entity(notice), etag=notice.etag)
        return replace(notice, etag=etag)

    def sweep_notices(self, *, made_before: datetime, due_before: datetime) -> list[str]:
        """Delete the notices of all webhooks made before a moment; return the lost messages of the others.

        A message is lost if its notice is waiting and the attempt was due before `due_before`.
        """
        old, lost = [], []
        for row in self._tables.everything(tables.NOTICES, select=(*_COLUMNS, "status", "nextAttemptAt")):
            key = (row["PartitionKey"], row["RowKey"])
            try:
                if tables.stored_moment(row, "createdAt") < made_before:
                    old.append(key)
                elif _is_lost(row, due_before):
                    lost.append(webhooks.message_of(*key))
            except tables.UnreadableValue:
                log.exception("The stored notice %s is unreadable and was skipped.", key[1])
        self._delete_notices(old)
        return lost

    def handled(self, what: str) -> str | None:
        """Return how far something was handled; None before the first time."""
        found = self._tables.get(tables.SERVICE_STATE, partition=HANDLED, row=what)
        return None if found is None else tables.stored_text(found, "until")

    def set_handled(self, what: str, until: str) -> None:
        """Store how far something was handled."""
        self._tables.upsert(tables.SERVICE_STATE, {"PartitionKey": HANDLED, "RowKey": what, "until": until})

    def _delete_notices(self, keys: Sequence[tuple[str, str]]) -> None:
        for _, group in groupby(sorted(keys), key=lambda key: key[0]):
            rows: list[tables.Operation] = [
                ("delete", {"PartitionKey": partition, "RowKey": row}) for partition, row in group
            ]
            for batch in tables.batches(rows):
                self._tables.transact(tables.NOTICES, batch)


def _is_lost(row: tables.Entity, due_before: datetime) -> bool:
    waits = row.get("status") == NoticeStatus.WAITING and "nextAttemptAt" in row
    return waits and tables.stored_moment(row, "nextAttemptAt") < due_before
