"""People of the chat as administrators see them: identities, sessions and bans."""

from collections.abc import Iterable
from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.core.database import Connection, Database
from chat_api.core.errors import Conflict, NotFound
from chat_api.core.language import N_
from chat_api.core.principals import Permission, Principal
from chat_api.core.text import check_text
from chat_api.people import accounts_repository as accounts
from chat_api.people import repository as people
from chat_api.people.auth import AuthService
from chat_api.people.schemas import (
    PersonDetails,
    PersonKind,
    PersonPage,
    PersonSort,
    PersonView,
    person_reference,
)

MAX_SEARCH_CHARS = 100
MAX_REASON_CHARS = 500
MIN_REASON_CHARS = 3
MAX_PAGE = 500
ACTIVE_S = 300.0
MAX_ACTIVE = 50
_UNKNOWN = N_("Unknown person.")


class UsersService:
    """Lists people, ends their sessions, bans them."""

    def __init__(self, database: Database, auth: AuthService, audit: AuditService) -> None:
        self._database = database
        self._auth = auth
        self._audit = audit

    async def find(
        self,
        principal: Principal,
        *,
        search: str | None = None,
        kind: PersonKind = PersonKind.ALL,
        sort: PersonSort = PersonSort.LAST_ACTIVE,
        limit: int = 50,
        offset: int = 0,
    ) -> PersonPage:
        """Some people, and how many there are. ``search`` is part of a name, or a whole id of any platform.

        Raises: PermissionDenied, NotAuthenticated, InvalidInput.
        """
        principal.require(Permission.VIEW_USERS)
        wanted = check_text(search, field="search", max_chars=MAX_SEARCH_CHARS).strip() if search else None
        async with self._database.read() as connection:
            return await people.page(
                connection, search=wanted, kind=kind, sort=sort, limit=min(limit, MAX_PAGE), offset=offset
            )

    async def details(self, principal: Principal, user_id: str) -> PersonDetails:
        """One person. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_USERS)
        async with self._database.read() as connection:
            details = await people.details(connection, user_id) if is_storable(user_id) else None
        if details is None:
            raise NotFound(_UNKNOWN)
        return details

    async def end_sessions(self, principal: Principal, user_id: str, session_id: UUID | None = None) -> int:
        """End one session of a person or all of them, everywhere and at once; returns how many.

        Raises: NotFound (the person, or a session that is not theirs or has ended), PermissionDenied.
        """
        target = person_reference(user_id)
        await self._audit.require(principal, Permission.END_SESSIONS, target)
        async with self._database.write() as connection:
            ids = await self._ids(connection, user_id)
            ended = await people.end_sessions(connection, ids, is_admin=False, session_id=session_id)
            if session_id is not None and not ended:
                raise NotFound("This session has ended already.")
            details = {"sessions": len(ended)}
            await self._audit.record(principal, Permission.END_SESSIONS, target, details=details, connection=connection)
        self._tell(ended)
        return len(ended)

    async def ban(self, principal: Principal, user_id: str, *, reason: str) -> None:
        """Ban a person: their sessions end, and they can't sign in.

        Raises: NotFound, Conflict (there is no account on the web), InvalidInput, PermissionDenied.
        """
        target = person_reference(user_id)
        await self._audit.require(principal, Permission.MANAGE_USERS, target)
        because = checked_reason(reason)
        async with self._database.write() as connection:
            ids = await self._ids(connection, user_id)
            if not await people.ban(connection, ids, reason=because):
                raise Conflict("This person has no account here to ban.")
            ended = await people.end_sessions(connection, ids, is_admin=False)
            details = {"reason": because, "sessions": len(ended)}
            await self._audit.record(principal, "users.ban", target, details=details, connection=connection)
        self._tell(ended)

    async def unban(self, principal: Principal, user_id: str) -> None:
        """Lift a person's ban. Raises: NotFound, PermissionDenied."""
        target = person_reference(user_id)
        await self._audit.require(principal, Permission.MANAGE_USERS, target)
        async with self._database.write() as connection:
            await people.unban(connection, await self._ids(connection, user_id))
            await self._audit.record(principal, "users.unban", target, connection=connection)

    async def talking_to(self, principal: Principal, bot_name: str) -> tuple[int, tuple[str, ...]]:
        """How many people wrote to a bot in the last five minutes, and the names of some.

        Without the permission to see people, only the number. Raises: PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            names = await people.active(connection, bot_name, seconds=ACTIVE_S, limit=MAX_ACTIVE)
        return len(names), names if principal.may(Permission.VIEW_USERS) else ()

    async def _ids(self, connection: Connection, user_id: str) -> list[str]:
        await found(connection, user_id)
        ids = [user_id, *await people.merged_into(connection, user_id)]
        await accounts.lock_accounts(connection, ids)
        return ids

    def _tell(self, ended: Iterable[UUID]) -> None:
        for session_id in ended:
            self._auth.ended.publish(session_id)


async def found(connection: Connection, user_id: str) -> PersonView:
    """One person. Raises: NotFound."""
    person = await people.get(connection, user_id) if is_storable(user_id) else None
    if person is None:
        raise NotFound(_UNKNOWN)
    return person


def is_storable(user_id: str) -> bool:
    """Whether this could be an id at all: PostgreSQL takes no NUL and no lone surrogate."""
    return user_id.isprintable() and len(user_id) <= 255


def checked_reason(reason: str) -> str:
    """A reason as it is kept. Raises: InvalidInput when there is none."""
    checked = check_text(reason, field="reason", min_chars=MIN_REASON_CHARS, max_chars=MAX_REASON_CHARS)
    return " ".join(checked.split())
