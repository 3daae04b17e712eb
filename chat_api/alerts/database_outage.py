"""The alert that PostgreSQL is down or refuses writes. It can't use the outbox, which is in PostgreSQL.

The leader remembers rules and channels. During an outage it notifies the channels itself, retrying until each has
accepted the message, and again when PostgreSQL is back. Nothing is stored until then.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chat_api.alerts import sentences
from chat_api.alerts.apprise_sender import AppriseSender, SendFailed
from chat_api.alerts.notifications import firing_body, lasted, resolved_title, since
from chat_api.alerts.quiet_hours import quiet_until
from chat_api.alerts.schemas import Channel, RuleView
from chat_api.alerts.service import AlertsService
from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, WritesRefused
from chat_api.core.logging import get_logger
from chat_api.core.stored_sentences import in_own_language
from chat_api.core.write_check import check_writes
from models import AuditOutcome, NotificationKind, RuleKind

log = get_logger(__name__)

CHECK_TIMEOUT_S = 5.0
# A process that evaluated this recently before the outage was the leader: only one process notifies.
LED = timedelta(seconds=15)


@dataclass(slots=True, kw_only=True)
class _Outage:
    since: datetime
    title: str
    body: str
    notified: dict[UUID, Channel] = field(default_factory=dict)


class DatabaseOutageAlerts:
    """Checks whether PostgreSQL takes writes, and notifies channels when it does not."""

    def __init__(
        self,
        database: Database,
        alerts: AlertsService,
        audit: AuditService,
        sender: AppriseSender,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._alerts = alerts
        self._audit = audit
        self._sender = sender
        self._clock = clock
        self._outage: _Outage | None = None

    async def evaluate(self) -> None:
        """Check once and send what is due."""
        if self._alerts.remembered is None:
            return
        fault = await self._fault()
        if fault is not None:
            self._outage = self._outage or _Outage(since=self._clock.now(), title=fault[0], body=fault[1])
            self._alerts.mark_notified_directly()
            await self._tell(self._outage)
        elif self._outage is not None:
            over, self._outage = self._outage, None
            if over.notified:
                self._alerts.mark_notified_directly()
            await self._tell_end(over)

    async def _fault(self) -> tuple[str, str] | None:
        """What is wrong with PostgreSQL, by the same query as its health check."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await check_writes(self._database)
        except WritesRefused:
            return sentences.POSTGRES_TAKES_NO_WRITES, sentences.NO_WRITES
        except (AppError, TimeoutError):
            return sentences.POSTGRES_IS_DOWN, sentences.NOTHING_STORED
        return None

    async def _tell(self, outage: _Outage) -> None:
        now = self._clock.now()
        remembered = self._alerts.remembered
        if remembered is None or outage.since - remembered.at > LED:
            return
        rule = next((one for one in remembered.rules if one.kind is RuleKind.SERVICE_DOWN), None)
        if rule is None or now - outage.since < timedelta(seconds=rule.for_s):
            return
        waiting = [
            channel
            for channel in remembered.channels
            if channel.channel_id not in outage.notified
            and rule.severity in channel.severities
            and (rule.channels is None or channel.channel_id in rule.channels)
            and quiet_until(channel.quiet, rule.severity, now) is None
        ]
        title, body = in_own_language(outage.title), firing_body(outage.body, rule.severity, outage.since)
        sent = await asyncio.gather(
            *(self._send(channel, rule, title, body, NotificationKind.FIRING) for channel in waiting)
        )
        outage.notified |= {one.channel_id: one for one, is_sent in zip(waiting, sent, strict=True) if is_sent}

    async def _tell_end(self, outage: _Outage) -> None:
        remembered = self._alerts.remembered
        rule = (
            next((one for one in remembered.rules if one.kind is RuleKind.SERVICE_DOWN), None) if remembered else None
        )
        if rule is None or not outage.notified:
            return
        lasted_s = (self._clock.now() - outage.since).total_seconds()
        title, body = resolved_title(outage.title), f"{lasted(lasted_s)} {since(outage.since)}"
        await asyncio.gather(
            *(self._send(channel, rule, title, body, NotificationKind.RESOLVED) for channel in outage.notified.values())
        )
        details: dict[str, Any] = {"channels": [one.name for one in outage.notified.values()], "lasted_s": lasted_s}
        await self._audit.record(
            None, "alert.told_directly", "postgres", outcome=AuditOutcome.AUTOMATIC, details=details
        )

    async def _send(self, channel: Channel, rule: RuleView, title: str, body: str, kind: NotificationKind) -> bool:
        try:
            await self._sender.send(channel.url, title=title, body=body, severity=rule.severity, kind=kind)
        except SendFailed as failure:
            log.warning("notification_failed", channel=channel.name, error=str(failure))
            return False
        log.info("alert_notified_directly", kind=kind, channel=channel.name)
        return True
