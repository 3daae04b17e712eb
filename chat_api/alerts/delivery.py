"""Sends what is in the outbox: at least once, in order for each alert and channel, for a day.

A message is claimed for a minute, sent, and marked as sent. If a process dies in between, another one sends it when the
minute is over: a message may arrive twice, but none is lost.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chat_api.alerts import outbox_repository as outbox
from chat_api.alerts.apprise_sender import AppriseSender, SendFailed
from chat_api.alerts.quiet_hours import quiet_until
from chat_api.alerts.schemas import Channel, NotificationView
from chat_api.alerts.settings_repository import CHANNELS
from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.errors import NotFound
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from models import AuditOutcome, NotificationKind, NotificationStatus, Severity

log = get_logger(__name__)

LEASE = timedelta(seconds=60)
GIVE_UP_AFTER = timedelta(days=1)
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 900.0
JITTER = 0.2
BATCH = 10


class AlertDelivery:
    """``on_done`` is called for every message that was sent (True) or given up (False)."""

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
        """Send due messages, a few at once; returns how many were attempted. Raises: DatabaseUnavailable."""
        claimed = await self.claim()
        await asyncio.gather(*(self._deliver(message) for message in claimed))
        return len(claimed)

    async def claim(self) -> tuple[NotificationView, ...]:
        """Claim due messages, so that no other process sends them for a minute."""
        now = self._clock.now()
        async with self._database.write() as connection:
            messages, unreadable = await outbox.claim(
                connection, now=now, lease=LEASE, give_up_after=GIVE_UP_AFTER, limit=BATCH
            )
            for one in unreadable:
                await self._audit_given_up(connection, one.channel_name, title=one.title, error=one.error)
        for one in unreadable:
            self._note_given_up(one.channel_name, one.error)
        return messages

    async def test(self, principal: Principal, channel_id: UUID) -> NotificationView:
        """Send a test message now and return its outcome, which is also in the history.

        Raises: NotFound, PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, str(channel_id))
        channel = await self._channel(channel_id)
        if channel is None:
            raise NotFound
        now = self._clock.now()
        message = NotificationView(
            notification_id=new_id(),
            alert_id=None,
            channel_id=channel_id,
            channel_name=channel.name,
            kind=NotificationKind.TEST,
            severity=Severity.INFO,
            title="Test message",
            # A bot's name may contain these: a service that takes them for markup would refuse real messages, too.
            body=f"{principal.username} tests the channel “{channel.name}”. All is well: R&D <beta> *_.",
            created_at=now,
            due_at=now,
            attempts=1,
        )
        error = await self._try(channel, message)
        status = NotificationStatus.FAILED if error else NotificationStatus.SENT
        message = replace(message, status=status, error=error, done_at=self._clock.now())
        async with self._database.write() as connection:
            await outbox.put(connection, [message])
            await self._audit.record(
                principal,
                "alert_channel.test",
                channel.name,
                details={"status": status.value},
                connection=connection,
            )
        self._on_done(error is None)
        return message

    async def _deliver(self, message: NotificationView) -> None:
        now = self._clock.now()
        channel = await self._channel(message.channel_id) if message.channel_id else None
        if channel is None or not channel.is_enabled:
            what = "deleted, or cannot be read" if channel is None else "switched off"
            await self._give_up(message, f"The channel was {what}.")
            return
        quiet = quiet_until(channel.quiet, message.severity, now)
        if quiet is not None:  # its day for delivery begins after quiet hours
            await self._finalize(message, due_at=quiet, give_up_at=None)
            return
        error = await self._try(channel, message)
        if error is None:
            await self._finalize(message, status=NotificationStatus.SENT, done_at=self._clock.now(), error=None)
            self._on_done(True)
        elif message.give_up_at is not None and self._clock.now() >= message.give_up_at:
            await self._give_up(message, f"Given up after a day: {error}")
        else:
            await self._finalize(message, due_at=self._next_try(message.attempts), error=error)
            log.warning("notification_failed", channel=channel.name, attempts=message.attempts, error=error)

    async def _try(self, channel: Channel, message: NotificationView) -> str | None:
        """Send one message; returns why it was refused, or None."""
        try:
            await self._sender.send(
                channel.url,
                title=message.title,
                body=message.body,
                severity=message.severity,
                kind=message.kind,
            )
        except SendFailed as failure:
            return str(failure)[:300]
        return None

    async def _give_up(self, message: NotificationView, error: str) -> None:
        now = self._clock.now()
        values = {"status": NotificationStatus.FAILED, "done_at": now, "error": error[:300]}
        async with self._database.write() as connection:
            if not await outbox.finalize(connection, message.notification_id, attempts=message.attempts, **values):
                return
            await self._audit_given_up(connection, message.channel_name, title=message.title, error=error)
        self._note_given_up(message.channel_name, error)

    async def _audit_given_up(self, connection: Connection, channel_name: str, *, title: str, error: str) -> None:
        await self._audit.record(
            None,
            "notification.give_up",
            channel_name,
            outcome=AuditOutcome.AUTOMATIC,
            details={"title": title, "reason": error},
            connection=connection,
        )

    def _note_given_up(self, channel_name: str, error: str) -> None:
        log.error("notification_given_up", channel=channel_name, error=error)
        self._on_done(False)

    async def _finalize(self, message: NotificationView, **values: Any) -> None:
        async with self._database.write() as connection:
            await outbox.finalize(connection, message.notification_id, attempts=message.attempts, **values)

    async def _channel(self, channel_id: UUID) -> Channel | None:
        async with self._database.read() as connection:
            return await CHANNELS.one(connection, channel_id, now=self._clock.now())

    def _next_try(self, attempts: int) -> datetime:
        wait_s = min(FIRST_WAIT_S * 2 ** min(attempts - 1, 20), LONGEST_WAIT_S)
        return self._clock.now() + timedelta(seconds=wait_s * (1 + random.uniform(-JITTER, JITTER)))
