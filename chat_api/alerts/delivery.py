"""Sends what is in the outbox: at least once, in order for each alert and channel, for a day.

A message is claimed for a minute, sent, and marked. A process that dies in between leaves it claimed: another sends it
when the minute is over, so that one message may arrive twice and none is lost.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from chat_api.alerts import repository as alerts
from chat_api.alerts import settings_repository as alert_settings
from chat_api.alerts.apprise_sender import AppriseSender, SendFailed
from chat_api.alerts.quiet_hours import quiet_until
from chat_api.alerts.rows import notification_view, quiet_hours
from chat_api.alerts.schemas import NotificationView
from chat_api.alerts.settings_repository import CHANNELS
from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import NotFound
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.odd_rows import UNREADABLE
from chat_api.core.principals import Permission, Principal
from models import AuditOutcome, NotificationKind, NotificationStatus, Severity

log = get_logger(__name__)

LEASE = timedelta(seconds=60)
PATIENCE = timedelta(days=1)
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 900.0
JITTER = 0.2
BATCH = 10


class AlertDelivery:
    """``on_done`` is told of every message that was sent (True) or given up (False)."""

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        sender: AppriseSender,
        *,
        on_done: Callable[[bool], None] = lambda _: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._audit = audit
        self._sender = sender
        self._on_done = on_done
        self._clock = clock

    async def deliver_due(self) -> int:
        """Send what is due, a few at once; returns how many were tried. Raises: DatabaseUnavailable."""
        claimed = await self.claim()
        await asyncio.gather(*(self._deliver(row) for row in claimed))
        return len(claimed)

    async def claim(self) -> list[RowMapping]:
        """Take messages that are due, so that nobody else sends them for a minute."""
        async with self._database.write() as connection:
            return list(
                await alerts.claim(connection, now=self._clock.now(), lease=LEASE, patience=PATIENCE, limit=BATCH)
            )

    async def test(self, principal: Principal, channel_id: UUID) -> NotificationView:
        """Send a test message now and say how it went; it is in the history too.

        Raises: NotFound, PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, str(channel_id))
        channel = await self._channel(channel_id)
        if channel is None:
            raise NotFound
        now = self._clock.now()
        row: dict[str, Any] = {
            "id": new_id(),
            "alert_id": None,
            "channel_id": channel_id,
            "channel_name": channel["name"],
            "kind": NotificationKind.TEST.value,
            "severity": Severity.INFO.value,
            "title": "Test message",
            "body": f"{principal.username} tests the channel “{channel['name']}”. All is well.",
            "created_at": now,
            "due_at": now,
            "attempts": 1,
        }
        error = await self._try(channel["url"], row)
        status = NotificationStatus.FAILED if error else NotificationStatus.SENT
        row |= {"status": status.value, "error": error, "done_at": self._clock.now()}
        async with self._database.write() as connection:
            await alerts.put_notifications(connection, [row])
            await self._audit.record(
                principal,
                "alert_channel.test",
                channel["name"],
                details={"status": status.value},
                connection=connection,
            )
        self._on_done(error is None)
        return notification_view(row)

    async def _deliver(self, row: RowMapping) -> None:
        now = self._clock.now()
        channel = await self._channel(row["channel_id"]) if row["channel_id"] else None
        if channel is None or not channel["is_enabled"]:
            what = "deleted" if channel is None else "switched off"
            await self._give_up(row, f"The channel was {what}.")
            return
        try:
            notification_view(row)
            quiet = quiet_until(quiet_hours(channel), Severity(row["severity"]), now)
        except UNREADABLE:  # another version wrote it, or somebody by hand
            await self._give_up(row, "The message or its channel cannot be read.")
            return
        if quiet is not None:  # its day to be delivered begins when it may be
            await self._settle(row, due_at=quiet, give_up_at=None)
            return
        error = await self._try(channel["url"], row)
        if error is None:
            await self._settle(row, status=NotificationStatus.SENT.value, done_at=self._clock.now(), error=None)
            self._on_done(True)
        elif self._clock.now() >= row["give_up_at"]:
            await self._give_up(row, f"Given up after a day: {error}")
        else:
            await self._settle(row, due_at=self._next_try(row["attempts"]), error=error)
            log.warning("notification_failed", channel=row["channel_name"], attempts=row["attempts"], error=error)

    async def _try(self, url: str, row: Any) -> str | None:
        """Send one message; returns why it was not taken."""
        try:
            await self._sender.send(
                url,
                title=row["title"],
                body=row["body"],
                severity=Severity(row["severity"]),
                kind=NotificationKind(row["kind"]),
            )
        except SendFailed as failure:
            return str(failure)[:300]
        return None

    async def _give_up(self, row: RowMapping, error: str) -> None:
        now = self._clock.now()
        values = {"status": NotificationStatus.FAILED.value, "done_at": now, "error": error[:300]}
        async with self._database.write() as connection:
            if not await alerts.settle(connection, row["id"], attempts=row["attempts"], **values):
                return
            await self._audit.record(
                None,
                "notification.give_up",
                row["channel_name"],
                outcome=AuditOutcome.AUTOMATIC,
                details={"title": row["title"], "reason": error},
                connection=connection,
            )
        log.error("notification_given_up", channel=row["channel_name"], error=error)
        self._on_done(False)

    async def _settle(self, row: RowMapping, **values: Any) -> None:
        async with self._database.write() as connection:
            await alerts.settle(connection, row["id"], attempts=row["attempts"], **values)

    async def _channel(self, channel_id: UUID) -> RowMapping | None:
        async with self._database.read() as connection:
            return await alert_settings.one_of(connection, CHANNELS, channel_id)

    def _next_try(self, attempts: int) -> datetime:
        wait_s = min(FIRST_WAIT_S * 2 ** min(attempts - 1, 20), LONGEST_WAIT_S)
        return self._clock.now() + timedelta(seconds=wait_s * (1 + random.uniform(-JITTER, JITTER)))
