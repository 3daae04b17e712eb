"""Bots that were seen once stay in the fleet, offline, until an operator removes them.

A bot was seen when it answered a health check or a container ran it. What the sources last said of it is stored, so
that it outlives its container, its file and a restart of the console. One that is removed comes back by itself when a
source describes it again: a file, ``BOTS_CONFIG``, or a container that runs.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, Conflict
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.pubsub import PubSub
from chat_api.fleet import known_bots_repository as known_bots
from chat_api.fleet.known_bot_schemas import KnownBot
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.schemas import BotView
from chat_api.fleet.service import FleetService

log = get_logger(__name__)

CHANGED = "known_bots_changed"
CONFIG = "BOTS_CONFIG"
# How old the stored time of the last answer may be.
SEEN_EVERY = timedelta(seconds=60)


class KnownBotsService:
    """Stores who was seen, lets the registry remember it, and removes bots. ``changed`` is set when that changed."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        fleet: FleetService,
        audit: AuditService,
        pubsub: PubSub,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._registry = registry
        self._fleet = fleet
        self._audit = audit
        self._pubsub = pubsub
        self._clock = clock
        self._known: Mapping[str, KnownBot] = {}
        self._is_loaded = False
        self.changed = asyncio.Event()
        pubsub.subscribe(CHANGED, lambda _: self.changed.set())

    @property
    def names(self) -> frozenset[str]:
        """The bots that are stored, those that were taken out included."""
        return frozenset(self._known)

    async def load(self) -> None:
        """Let the registry remember what is stored; while the database is away, what was read before counts."""
        try:
            async with self._database.read() as connection:
                stored = await known_bots.all_known(connection)
        except AppError as error:
            log.warning("known_bots_not_read", detail=error.detail)
            return
        self._known = {bot.bot_name: bot for bot in stored}
        self._is_loaded = True
        self._registry.remember(self._known)

    def show_last_seen(self) -> None:
        """Let the fleet show when bots were last seen, also long ago."""
        self._fleet.restore_last_seen({bot.bot_name: bot.last_seen_at for bot in self._known.values()})

    async def keep(self) -> None:
        """Store who is there and what changed; the leader does, for all. Nothing is stored before it was read."""
        if not self._is_loaded:
            return
        views = {bot.name: bot for bot in self._fleet.current().bots}
        specs = self._registry.all()
        rows = [row for spec in specs if (row := self._row(spec.name, views.get(spec.name))) is not None]
        removed = {name for name, bot in self._known.items() if bot.removed_at is not None}
        revived = [spec.name for spec in specs if spec.declared_by and spec.name in removed]
        disabled, enabled = self._switched()
        if not (rows or revived or disabled or enabled):
            return
        async with self._database.write() as connection:
            if rows:
                await known_bots.put(connection, rows)
            if revived:
                await known_bots.revive(connection, revived)
            if disabled:
                await known_bots.disable(connection, disabled, at=self._clock.now(), by=CONFIG)
            if enabled:
                await known_bots.enable(connection, enabled)
        await self.load()
        if revived or disabled or enabled:
            self._pubsub.publish(CHANGED, None)

    async def remove(self, principal: Principal, bot_name: str) -> None:
        """Take a bot out that nothing describes any more. Its conversations and its history stay.

        Raises: NotFound, Conflict (something describes it), PermissionDenied, NotAuthenticated.
        """
        spec = self._registry.get(bot_name)
        await self._audit.require(principal, Permission.MANAGE_BOT, spec.name)
        if spec.declared_by:
            raise Conflict(
                _(
                    "{source} still describes {name}. Remove it there, or set enabled: false for it in BOTS_CONFIG.",
                    source=spec.declared_by[-1],
                    name=spec.display_name,
                )
            )
        async with self._database.write() as connection:
            facts = self._registry.facts_of(spec.name)
            await known_bots.remove(connection, spec.name, facts, at=self._clock.now(), by=principal.username)
            await self._audit.record(principal, "bot.remove", spec.name, connection=connection)
        await self.load()
        await self._registry.refresh()
        self._fleet.sync_registry()
        self._pubsub.publish(CHANGED, None)

    def _row(self, name: str, view: BotView | None) -> dict[str, Any] | None:
        """What is new of a bot; None when nothing is, or when nobody has seen it yet."""
        known = self._known.get(name)
        seen_at = view.last_seen_at if view else None
        if known is None and seen_at is None and (view is None or view.container is None):
            return None
        facts = self._registry.facts_of(name)
        is_older = seen_at is not None and (
            known is None or known.last_seen_at is None or seen_at - known.last_seen_at >= SEEN_EVERY
        )
        if known is not None and dict(known.facts) == dict(facts) and not is_older:
            return None
        return {"bot_name": name, "facts": dict(facts), "last_seen_at": seen_at}

    def _switched(self) -> tuple[list[str], list[str]]:
        """The bots that ``BOTS_CONFIG`` takes out since, and those that it does not take out any more."""
        if self._registry.is_config_unread:
            return [], []
        now = self._registry.disabled
        before = {name for name, bot in self._known.items() if bot.is_disabled}
        return sorted(now - before), sorted(before - now)
