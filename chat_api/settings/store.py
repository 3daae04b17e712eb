"""Keeps what is set in the console: in the database, in the memory of every process, and alike in all of them."""

from collections.abc import Mapping
from typing import Any

from chat_api.audit.service import AuditService
from chat_api.core.bus import Topic
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal
from chat_api.core.pubsub import PubSub
from chat_api.settings import repository as console_settings
from chat_api.settings.repository import Stored
from chat_api.settings.stored_values import sound

log = get_logger(__name__)

TOPIC = "console_settings"
Values = Mapping[str, Stored]


class SettingsStore:
    """What is set here, by key. A change is told to all processes; one that is missed is found by looking."""

    def __init__(
        self, database: Database, audit: AuditService, pubsub: PubSub, *, values: Values | None = None
    ) -> None:
        self._database = database
        self._audit = audit
        self._pubsub = pubsub
        self._is_stale = False
        self.values: Values = {}
        # What is stored and cannot be used, by key, with why.
        self.odd: Mapping[str, str] = {}
        self._take(values or {})
        self.changes: Topic[Values] = Topic("console_settings")
        pubsub.subscribe(TOPIC, lambda _: self._tell())
        pubsub.on_gap(self._tell)

    async def put(self, principal: Principal, key: str, value: Any, *, action: str, target: str) -> None:
        """Set a value, leave a line with the old and the new one, and tell everybody. Raises: DatabaseUnavailable."""
        async with self._database.write() as connection:
            before = await console_settings.put(connection, key, value, changed_by=principal.username)
            details = {"old": before, "new": value}
            await self._audit.record(principal, action, target, details=details, connection=connection)
        await self._changed()

    async def delete(self, principal: Principal, key: str, *, action: str, target: str) -> None:
        """Let the value be what it is elsewhere. Raises: DatabaseUnavailable."""
        async with self._database.write() as connection:
            before = await console_settings.delete(connection, key)
            details = {"old": before, "new": None}
            await self._audit.record(principal, action, target, details=details, connection=connection)
        await self._changed()

    async def active_users(self, *, within_s: float) -> int:
        """How many people wrote lately. Raises: DatabaseUnavailable."""
        return await console_settings.active_users(self._database, within_s=within_s)

    async def reload(self) -> None:
        """Read what is stored, and tell this process when it is something else; while it cannot, all stays as it is."""
        self._is_stale = False
        try:
            values = await console_settings.read(self._database)
        except AppError as error:
            log.debug("console_settings_not_read", detail=error.detail)
            return
        before = self.values, self.odd
        self._take(values)
        if (self.values, self.odd) != before:
            self.changes.publish(self.values)

    async def reload_when_notified(self) -> None:
        """Look if another process said so since; called often."""
        if self._is_stale:
            await self.reload()

    def _take(self, values: Values) -> None:
        """Another version wrote it, or somebody by hand: that spoils neither a start nor a page, and is said once."""
        usable, odd = sound(values)
        for key, why in odd.items():
            if self.odd.get(key) != why:
                log.warning("stored_setting_ignored", setting=key, error=why)
        self.values, self.odd = usable, odd

    async def _changed(self) -> None:
        await self.reload()
        self._pubsub.publish(TOPIC, None)

    def _tell(self) -> None:
        self._is_stale = True
