"""Who did what, allowed or denied."""

from collections.abc import Mapping

from chat_api.audit import repository as audit
from chat_api.audit.schemas import AuditQuery, AuditView
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.principals import SYSTEM_ACTOR, Permission, Principal
from models import AuditEntry, AuditOutcome

log = get_logger(__name__)


class AuditService:
    """Writes and reads the audit trail."""

    def __init__(self, database: Database, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._clock = clock

    async def record(
        self,
        principal: Principal | None,
        action: str,
        target: str,
        *,
        outcome: AuditOutcome = AuditOutcome.ALLOWED,
        details: Mapping[str, object] | None = None,
        connection: Connection | None = None,
    ) -> None:
        """Add a line: in the caller's transaction when one is given, else in its own."""
        if principal is not None and principal.key is not None:
            details = {**(details or {}), "api_key": principal.key.name, "api_key_id": str(principal.key.key_id)}
        entry = AuditEntry(
            id=new_id(),
            at=self._clock.now(),
            actor_id=principal.user_id if principal else SYSTEM_ACTOR,
            actor_name=principal.username if principal else SYSTEM_ACTOR,
            action=action,
            target=target[:100],
            outcome=outcome,
            address=principal.address if principal else None,
            details=dict(details) if details else None,
        )
        log.info("audited", action=action, target=target, outcome=outcome, actor_id=entry.actor_id)
        if connection is not None:
            await audit.add(connection, entry)
            return
        async with self._database.write() as own:
            await audit.add(own, entry)

    async def require(self, principal: Principal, permission: Permission, target: str) -> None:
        """Check a permission, and leave a line when it is denied.

        Raises: PermissionDenied, NotAuthenticated.
        """
        if not principal.may(permission):
            await self.record(principal, permission, target, outcome=AuditOutcome.DENIED)
        principal.require(permission)

    async def find(self, principal: Principal, query: AuditQuery | None = None) -> tuple[AuditView, ...]:
        """The lines that fit, newest first; at most ``query.limit``. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_AUDIT)
        async with self._database.read() as connection:
            return await audit.find(connection, query or AuditQuery())
