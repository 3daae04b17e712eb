"""What operators decide for a bot: maintenance, healing, checks, notes; and the quarantine that the healing decides."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.errors import AppError, Conflict, InvalidInput
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import SYSTEM_ACTOR, Permission, Principal
from chat_api.core.text import check_text
from chat_api.engine.schemas import ContainerView
from chat_api.fleet import policies_repository as bot_policies
from chat_api.fleet.policy_schemas import PolicyChange
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.reports import PoliciesReport
from chat_api.fleet.schemas import BotPolicy
from chat_api.fleet.service import FleetService
from models import AuditOutcome

log = get_logger(__name__)

MAX_REASON_CHARS = 200
MAX_NOTES_CHARS = 4_000
MAX_FAILURES = 100
LONGEST_MAINTENANCE = timedelta(days=365)
_NO_STOP: Mapping[str, Any] = {"stopped_at": None, "stopped_by": ""}
_NO_QUARANTINE: Mapping[str, Any] = {"quarantined_at": None, "quarantine_reason": ""}


class PoliciesService:
    """Reads and changes policies. The database has them; the fleet's view repeats them to every page and worker."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        fleet: FleetService,
        audit: AuditService,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._registry = registry
        self._fleet = fleet
        self._audit = audit
        self._clock = clock

    async def policy(self, principal: Principal, bot_name: str) -> BotPolicy:
        """The policy of one bot. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        spec = self._registry.get(bot_name)
        async with self._database.read() as connection:
            policy = await bot_policies.of_bot(connection, spec.name)
        return policy or BotPolicy(bot_name=spec.name, changed_at=self._fleet.current().started_at)

    async def change(self, principal: Principal, bot_name: str, change: PolicyChange) -> BotPolicy:
        """Change what is given, and leave the rest.

        Raises: NotFound, InvalidInput, PermissionDenied, NotAuthenticated.
        """
        spec = self._registry.get(bot_name)
        await self._audit.require(principal, Permission.MANAGE_BOT, spec.name)
        values = self._values(change)
        if not values:
            return await self.policy(principal, spec.name)
        details = {key: str(value)[:200] for key, value in values.items() if value is not None}
        return await self._put(principal, Permission.MANAGE_BOT, spec.name, values, details=details)

    async def release(self, principal: Principal, bot_name: str) -> BotPolicy:
        """End a quarantine; automatic restarts until now count no more.

        Raises: NotFound, Conflict (not in quarantine), PermissionDenied, NotAuthenticated.
        """
        spec = self._registry.get(bot_name)
        await self._audit.require(principal, Permission.MANAGE_BOT, spec.name)
        if (await self.policy(principal, spec.name)).quarantined_at is None:
            raise Conflict("This bot is not in quarantine.")
        values = {**_NO_QUARANTINE, "healing_since": self._clock.now()}
        return await self._put(principal, "bot.quarantine.release", spec.name, values)

    # What the service itself decides

    async def quarantine(self, bot_name: str, reason: str) -> bool:
        """Give up on a bot until an operator takes it in hand. Returns whether it was not so already."""
        now = self._clock.now()
        values = {"quarantined_at": now, "quarantine_reason": reason[:400], **_changed(now, SYSTEM_ACTOR)}
        async with self._database.write() as connection:
            is_new = await bot_policies.quarantine(connection, bot_name, values)
            if is_new:
                await self._audit.record(
                    None,
                    "bot.quarantine",
                    bot_name,
                    outcome=AuditOutcome.AUTOMATIC,
                    details={"reason": reason},
                    connection=connection,
                )
        if is_new:
            log.warning("bot_quarantined", bot_name=bot_name)
        await self.tell()
        return is_new

    async def want_stopped(self, bot_name: str, by: str, *, connection: Connection) -> None:
        """Note, in the transaction of the stop, that the bot is down because ``by`` wants it so."""
        now = self._clock.now()
        await bot_policies.put(connection, bot_name, {"stopped_at": now, "stopped_by": by, **_changed(now, by)})

    async def want_running(self, bot_name: str, by: str, *, connection: Connection) -> None:
        """Note, in the transaction of a start or restart, that nobody wants the bot to be down any more."""
        policy = await bot_policies.of_bot(connection, bot_name)
        if policy is not None and policy.stopped_at is not None:
            await bot_policies.put(connection, bot_name, {**_NO_STOP, **_changed(self._clock.now(), by)})

    async def require_healable(self, bot_name: str, container: ContainerView, *, connection: Connection) -> BotPolicy:
        """See, in the transaction of an automatic restart, that nobody has decided against it meanwhile.

        Raises: Conflict.
        """
        policy = await bot_policies.of_bot(connection, bot_name, is_locked=True)
        if policy is None or not policy.is_auto_healed:
            raise Conflict("Automatic restarts are off for this bot.")
        if policy.quarantined_at or policy.is_stopped(container) or policy.is_in_maintenance(self._clock.now()):
            raise Conflict("This bot is in quarantine, in maintenance, or stopped by an operator.")
        return policy

    async def not_stopped(self, bot_name: str) -> None:
        """The stop failed: the bot is not down because somebody wants it so."""
        async with self._database.write() as connection:
            await self.want_running(bot_name, SYSTEM_ACTOR, connection=connection)
        await self.tell()

    async def healed_by_hand(self, bot_name: str, by: str) -> None:
        """An operator brought the bot back: that ends a quarantine, and the healing begins to count anew."""
        policy = self._fleet.policy_of(bot_name)
        if policy is None or not (policy.is_auto_healed or policy.quarantined_at):
            return
        now = self._clock.now()
        async with self._database.write() as connection:
            values = {**_NO_QUARANTINE, "healing_since": now, **_changed(now, by)}
            await bot_policies.put(connection, bot_name, values)
        await self.tell()

    async def reload(self) -> None:
        """Take over what is stored: what another process changed, whether or not we were told."""
        try:
            report = await self._read()
        except AppError as error:
            log.debug("policies_not_read", detail=error.detail)
            return
        with self._fleet.relaying():  # every process reads them for itself
            self._fleet.record_policies(report)

    async def tell(self) -> None:
        """Show what was just stored, here and in every other process. From a database that is away it is read later."""
        try:
            self._fleet.record_policies(await self._read())
        except AppError as error:
            log.warning("policies_not_published", detail=error.detail)

    async def _read(self) -> PoliciesReport:
        reported_at = self._clock.now()
        async with self._database.read() as connection:
            policies = await bot_policies.all_policies(connection)
        return PoliciesReport(reported_at=reported_at, policies=policies)

    async def _put(
        self,
        principal: Principal,
        action: str,
        bot_name: str,
        values: Mapping[str, Any],
        *,
        details: Mapping[str, object] | None = None,
    ) -> BotPolicy:
        async with self._database.write() as connection:
            changes = {**values, **_changed(self._clock.now(), principal.username)}
            policy = await bot_policies.put(connection, bot_name, changes)
            await self._audit.record(principal, action, bot_name, details=details, connection=connection)
        await self.tell()
        return policy

    def _values(self, change: PolicyChange) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if change.is_in_maintenance is not None:
            values |= self._maintenance(change)
        for name in ("is_synthetic_check_on", "is_auto_healed", "is_healed_when_silent"):
            if (value := getattr(change, name)) is not None:
                values[name] = value
        if change.is_auto_healed:
            values["healing_since"] = self._clock.now()
        if change.heal_after_failures is not None:
            if not 1 <= change.heal_after_failures <= MAX_FAILURES:
                raise InvalidInput(_("from 1 to {most}", most=MAX_FAILURES), field="heal_after_failures")
            values["heal_after_failures"] = change.heal_after_failures
        if change.notes is not None:
            values["notes"] = check_text(change.notes, field="notes", max_chars=MAX_NOTES_CHARS, min_chars=0)
        return values

    def _maintenance(self, change: PolicyChange) -> dict[str, Any]:
        if not change.is_in_maintenance:
            return {"maintenance_since": None, "maintenance_until": None, "maintenance_reason": ""}
        now, until = self._clock.now(), change.maintenance_until
        if until is not None and not now < _aware(until) <= now + LONGEST_MAINTENANCE:
            raise InvalidInput("a time in the next 365 days, with its zone", field="maintenance_until")
        reason = check_text(
            change.maintenance_reason, field="maintenance_reason", max_chars=MAX_REASON_CHARS, min_chars=0
        )
        return {"maintenance_since": now, "maintenance_until": until, "maintenance_reason": reason}


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise InvalidInput("a time in the next 365 days, with its zone", field="maintenance_until")
    return at


def _changed(at: datetime, by: str) -> dict[str, Any]:
    return {"changed_at": at, "changed_by": by[:100]}
