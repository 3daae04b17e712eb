"""A bot that was given another name keeps its history: conversations, series, uptime, restarts, incidents, policy."""

from chat_api.audit.service import AuditService
from chat_api.core.database import Database
from chat_api.core.errors import Conflict
from chat_api.core.keyed_locks import KeyedLocks
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.fleet import renames_repository as renames
from chat_api.fleet.known_bots import KnownBotsService
from chat_api.fleet.policies import PoliciesService
from chat_api.fleet.registry import BotRegistry

log = get_logger(__name__)

PEOPLE_AT_ONCE = 200


class RenamesService:
    """Nothing tells that two names are one bot: an administrator does, once the old one is described no more."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        known_bots: KnownBotsService,
        policies: PoliciesService,
        audit: AuditService,
    ) -> None:
        self._database = database
        self._registry = registry
        self._known_bots = known_bots
        self._policies = policies
        self._audit = audit
        self._locks = KeyedLocks()

    async def take_over(self, principal: Principal, old_name: str, new_name: str) -> int:
        """Give the history of one bot to another, and remove the first. Returns how many messages were moved.

        Many people are moved in several steps. When it breaks off in between, it goes on where it was the next time.
        Raises: NotFound, Conflict (something still describes the old one, both are one, or messages to it wait),
        PermissionDenied, NotAuthenticated.
        """
        old, new = self._registry.get(old_name), self._registry.get(new_name)
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, old.name)
        if old.name == new.name:
            raise Conflict("A bot can't take over its own history.")
        if old.declared_by:
            raise Conflict(
                _(
                    "{source} still describes {name}. Only a bot that is gone can be merged into another.",
                    source=old.declared_by[-1],
                    name=old.display_name,
                )
            )
        async with self._locks.queue(old.name):
            moved = await self._move(old.name, new.name)
            async with self._database.write() as connection:
                await renames.move_history(connection, old.name, new.name)
                details = {"into": new.name, "messages": moved}
                await self._audit.record(principal, "bot.rename", old.name, details=details, connection=connection)
        await self._known_bots.remove(principal, old.name)
        await self._policies.reload()
        log.info("bot_renamed", bot_name=old.name, new_name=new.name, messages=moved)
        return moved

    async def _move(self, old: str, new: str) -> int:
        moved = 0
        while True:
            async with self._database.write() as connection:
                if waiting := await renames.pending(connection, old):
                    raise Conflict(_("{count} messages to this bot still wait for an answer.", count=waiting))
                people = await renames.people(connection, old, limit=PEOPLE_AT_ONCE)
                if not people:
                    return moved
                moved += await renames.move_conversations(connection, old, new, user_ids=people)
