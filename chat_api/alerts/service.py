"""Alerts: what is wrong now, one per root cause, and who gets notified, through an outbox so that no message is lost.

All state is stored: a new leader or a restarted console continues where the previous one stopped.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from chat_api.alerts import grouping as alert_groups
from chat_api.alerts import outbox_repository as outbox
from chat_api.alerts import repository as alerts
from chat_api.alerts.evaluation import by_urgency, change_alerts, evaluate_subjects, with_stored
from chat_api.alerts.schemas import (
    AlertView,
    Channel,
    MetricsSnapshot,
    NotificationRecord,
    RuleView,
    SubjectState,
)
from chat_api.alerts.settings_repository import CHANNELS, RULES
from chat_api.audit.service import AuditService
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import DatabaseUnavailable, InvalidInput, NotFound
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.pubsub import PubSub
from chat_api.core.text import check_text
from chat_api.fleet.schemas import FleetView, Trouble

log = get_logger(__name__)

KEEP = timedelta(days=90)
FOLLOW_EVERY_S = 5.0
MAX_SILENCE_MIN = 7 * 24 * 60
CHANGED = "alerts_changed"
# PostgreSQL's own alert. For so long after a direct notification the outbox does not notify it again.
STORAGE = "cause:postgres"
DIRECTLY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The enabled rules and channels of the last evaluation, the latter with their addresses."""

    at: datetime
    rules: tuple[RuleView, ...]
    channels: tuple[Channel, ...]


class AlertsService:
    """Evaluates alerts and publishes changes to pages on ``changes``."""

    def __init__(self, database: Database, audit: AuditService, pubsub: PubSub, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._audit = audit
        self._pubsub = pubsub
        self._clock = clock
        self.changes: Topic[tuple[AlertView, ...]] = Topic("alerts")
        self._known: tuple[AlertView, ...] = ()
        # For database outages; only a process that was the leader has it.
        self.remembered: Remembered | None = None
        self._notified_directly_at: datetime | None = None
        # What was firing at the last evaluation here, with the bots concerned.
        self.troubles: tuple[Trouble, ...] = ()
        self._moved = asyncio.Event()
        pubsub.subscribe(CHANGED, lambda _: self._moved.set())
        pubsub.on_gap(self._moved.set)

    # For pages and the API

    async def firing(self, principal: Principal) -> tuple[AlertView, ...]:
        """What is wrong now, the worst first. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        return await self.current()

    async def newest(self, principal: Principal, *, limit: int = 100) -> tuple[AlertView, ...]:
        """The last alerts, resolved ones too, newest first. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await alerts.newest_alerts(connection, limit=limit)

    async def subjects(self, principal: Principal) -> tuple[SubjectState, ...]:
        """Subjects that are not OK for some rule: pending, firing, or without data.

        Raises: PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await alerts.subjects(connection)

    async def notifications(self, principal: Principal, *, limit: int = 100) -> tuple[NotificationRecord, ...]:
        """The last messages, newest first. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await outbox.newest(connection, limit=limit)

    async def silence(self, principal: Principal, alert_id: UUID, *, minutes: int, reason: str) -> AlertView:
        """Silence an open alert for a while; its end is still notified.

        Raises: InvalidInput, NotFound (or it is over), PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_ALERTS, str(alert_id))
        if not 1 <= minutes <= MAX_SILENCE_MIN:
            raise InvalidInput(_("from 1 to {most}", most=MAX_SILENCE_MIN), field="minutes")
        why = check_text(reason, field="reason", max_chars=300).strip()
        until = self._clock.now() + timedelta(minutes=minutes)
        details = {"minutes": minutes, "reason": why}
        return await self._silence(principal, alert_id, until, why, "alert.silence", details)

    async def end_silence(self, principal: Principal, alert_id: UUID) -> AlertView:
        """End the silence of an alert. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        await self._audit.require(principal, Permission.MANAGE_ALERTS, str(alert_id))
        return await self._silence(principal, alert_id, None, None, "alert.end_silence", {})

    async def current(self) -> tuple[AlertView, ...]:
        """The open alerts, for internal use: no permission is checked."""
        async with self._database.read() as connection:
            return by_urgency(await alerts.open_alerts(connection))

    # For the worker

    async def evaluate(self, view: FleetView, snapshot: MetricsSnapshot) -> tuple[AlertView, ...]:
        """Evaluate everything once, store the changes and queue the messages, all in one transaction.

        Returns: what is wrong now. Raises: DatabaseUnavailable.
        """
        now = self._clock.now()
        async with self._database.write() as connection:
            await alerts.lock(connection)
            before = by_urgency(await alerts.open_alerts(connection))
            rules = {rule.rule_id: rule for rule in await RULES.all(connection, now=now) if rule.is_enabled}
            snapshot = await with_stored(connection, snapshot, rules, view, now)
            states = await evaluate_subjects(connection, rules, view, snapshot, now)
            firing = alert_groups.groups(rules, states, view, muted=snapshot.muted)
            channels = tuple(one for one in await CHANNELS.all(connection, now=now) if one.is_enabled)
            fleet = frozenset(bot.name for bot in view.bots)
            known = {alert.key: alert for alert in before}
            told_already = {STORAGE} if self._was_notified_directly(now) else frozenset()
            after = await change_alerts(
                connection, known, firing, channels, now, fleet=fleet, without_message=told_already
            )
        self.troubles = tuple(
            Trouble(key=alert.key, title=alert.title, severity=alert.severity, bots=firing[alert.key].bots)
            for alert in after
        )
        self.remembered = Remembered(at=now, rules=tuple(rules.values()), channels=channels)
        if after != before:
            self._tell(after)
        return after

    def mark_notified_directly(self) -> None:
        """Note that PostgreSQL's outage was notified directly, so that the outbox doesn't notify it again."""
        self._notified_directly_at = self._clock.now()

    async def follow(self) -> None:
        """Publish other processes' changes to the pages of this one, until cancelled; one query for all pages."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FOLLOW_EVERY_S):
                    await self._moved.wait()
            if not self._moved.is_set() and self._pubsub.is_live:
                continue
            self._moved.clear()
            with contextlib.suppress(DatabaseUnavailable):
                found = await self.current()
                if found != self._known:
                    self._known = found
                    self.changes.publish(found)

    async def prune(self) -> None:
        """Delete alerts that were resolved more than ninety days ago, with their messages."""
        async with self._database.write() as connection:
            await alerts.prune_alerts(connection, before=self._clock.now() - KEEP)

    # Inside

    def _was_notified_directly(self, now: datetime) -> bool:
        return self._notified_directly_at is not None and now - self._notified_directly_at < DIRECTLY

    async def _silence(
        self,
        principal: Principal,
        alert_id: UUID,
        until: datetime | None,
        reason: str | None,
        action: str,
        details: Mapping[str, object],
    ) -> AlertView:
        by = principal.username if until else None
        async with self._database.write() as connection:
            alert = await alerts.silence(connection, alert_id, until=until, by=by, reason=reason)
            if alert is None:
                raise NotFound
            await self._audit.record(principal, action, alert.title, details=details, connection=connection)
        self._tell(await self.current())
        return alert

    def _tell(self, after: tuple[AlertView, ...]) -> None:
        self._known = after
        self.changes.publish(after)
        self._pubsub.publish(CHANGED, None)
