"""The alert services on the test's own database, with a fleet and a clock that the test moves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from chat_api.alerts.apprise_sender import AppriseSender
from chat_api.alerts.database_outage import DatabaseOutageAlerts
from chat_api.alerts.delivery import AlertDelivery
from chat_api.alerts.schemas import AlertView, ChannelDraft, ChannelView, MetricsSnapshot, RuleDraft, RuleView
from chat_api.alerts.service import AlertsService
from chat_api.alerts.settings import AlertSettingsService
from chat_api.audit.service import AuditService
from chat_api.core.database import Database
from chat_api.core.principals import Principal
from chat_api.core.pubsub import PubSub
from chat_api.fleet.root_cause import root_causes
from chat_api.fleet.schemas import (
    BotStatus,
    BotView,
    FleetView,
    ServiceStatus,
    ServiceView,
    SystemStatus,
)
from models import Role, RuleKind, Severity
from tests.support.ticking import TickingClock

WELL = MetricsSnapshot(disk_free=0.5, loop_lag_ms=1)
TITLES = {"postgres": "PostgreSQL", "redis": "Redis"}


def person(role: Role = Role.ADMIN) -> Principal:
    """Somebody of the console."""
    return Principal(user_id=str(role), username=str(role), display_name=str(role), session_id=uuid4(), role=role)


@dataclass(kw_only=True)
class Stage:
    """``bots`` and ``services`` are how they are; :meth:`look` is what the worker does."""

    database: Database
    redis_url: str
    time: TickingClock
    bots: dict[str, BotStatus]
    services: dict[str, ServiceStatus]

    def __post_init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Another process: nothing is remembered but what is stored."""
        audit = AuditService(self.database)
        sender = AppriseSender(timeout_s=5)
        pubsub = PubSub(self.redis_url, deployment_id="test")
        self.alerts = AlertsService(self.database, audit, pubsub, clock=self.time.clock)
        self.blind = DatabaseOutageAlerts(self.database, self.alerts, audit, sender, clock=self.time.clock)
        self.delivery = AlertDelivery(self.database, audit, sender, clock=self.time.clock)
        self.settings = AlertSettingsService(
            self.database, audit, sender, known_bots=lambda: self.bots, clock=self.time.clock
        )

    def view(self, **changed: dict[str, Any]) -> FleetView:
        """The fleet; keyword arguments replace fields of bots."""
        services = tuple(
            ServiceView(
                name=name,
                title=TITLES[name],
                status=status,
                failing_since=self.time.at if status is ServiceStatus.UNHEALTHY else None,
                last_failed_at=self.time.at if status is ServiceStatus.UNHEALTHY else None,
            )
            for name, status in self.services.items()
        )
        bots = tuple(
            replace(
                BotView(name=name, display_name=name.title(), description="", emoji="", port=None, status=status),
                **changed.get(name, {}),
            )
            for name, status in self.bots.items()
        )
        causes = root_causes(bots, services, now=self.time.at)
        return FleetView(
            version=1,
            status=SystemStatus.HEALTHY,
            headline="",
            started_at=self.time.at,
            bots=tuple(replace(bot, cause=causes.get(bot.name)) for bot in bots),
            services=services,
        )

    async def evaluate(
        self, seconds: float = 0, *, every_s: float = 2, **changed: dict[str, Any]
    ) -> Sequence[AlertView]:
        """Evaluate now, and again and again while ``seconds`` pass; gives what is wrong at the end."""
        found = await self.alerts.evaluate(self.view(**changed), WELL)
        while seconds > 0:
            step_s = min(every_s, seconds)
            self.time.pass_s(step_s)
            seconds -= step_s
            found = await self.alerts.evaluate(self.view(**changed), WELL)
        return found

    async def deliver(self) -> None:
        """Send all that is due."""
        while await self.delivery.deliver_due():
            pass

    async def only(self, **rule: Any) -> RuleView:
        """Have this rule and no other."""
        for one in await self.settings.rules(person()):
            await self.settings.delete_rule(person(), one.rule_id)
        defaults: dict[str, Any] = {
            "name": "Bot down",
            "kind": RuleKind.BOT_DOWN,
            "for_s": 0,
            "keep_firing_for_s": 0,
            "severity": Severity.CRITICAL,
        }
        return await self.settings.create_rule(person(), RuleDraft(**(defaults | rule)))

    async def channel(self, url: str, **draft: Any) -> ChannelView:
        """A channel to a real server."""
        return await self.settings.create_channel(person(), ChannelDraft(**({"name": "Pager", "url": url} | draft)))
