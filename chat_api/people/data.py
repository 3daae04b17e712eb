"""All data about one person: merging it with another identity, exporting and erasing it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import orjson

from chat_api.audit.service import AuditService
from chat_api.core.database import Connection, Database
from chat_api.core.errors import Conflict, InvalidInput, NotFound
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.people import accounts_repository as accounts
from chat_api.people import person_data_repository as person_data
from chat_api.people import repository as people
from chat_api.people.auth import AuthService
from chat_api.people.bot_users import BotUsers
from chat_api.people.schemas import Erasure, person_reference
from chat_api.people.service import checked_reason, found, is_storable

log = get_logger(__name__)

# Ended sessions are closed in every process, including sockets, within five seconds: after that no new data arrives.
DRAIN_S = 5.0
# Has the bots forget a person, whom it still finds here; gives the receipt.
ForgetAtBots = Callable[[Principal, str], Awaitable[UUID]]
MESSAGES_A_READ = 500
_FIRST = ("", -1, UUID(int=0))


class PersonDataService:
    """Merges, exports and erases people."""

    def __init__(
        self,
        database: Database,
        auth: AuthService,
        audit: AuditService,
        bot_users: BotUsers,
        *,
        drain_s: float = DRAIN_S,
        forget_at_bots: ForgetAtBots | None = None,
    ) -> None:
        self._forget_at_bots = forget_at_bots
        self._bot_users = bot_users
        self._database = database
        self._auth = auth
        self._audit = audit
        self._drain_s = drain_s

    async def merge(self, principal: Principal, *, source_id: str, target_id: str) -> int:
        """Make two people one: all identities of ``source_id`` belong to ``target_id``; returns how many moved.

        Conversations stay under the account in which they were held, see decision 41. Raises: NotFound,
        InvalidInput (the same person twice), Conflict (one of them is part of another already), PermissionDenied.
        """
        target = person_reference(target_id)
        await self._audit.require(principal, Permission.MANAGE_USERS, target)
        if source_id == target_id:
            raise InvalidInput("a person can't be merged with themselves", field="source_id")
        if not (is_storable(source_id) and is_storable(target_id)):
            raise NotFound("Unknown person.")
        async with self._database.write() as connection:
            await accounts.lock_accounts(connection, [source_id, target_id])
            if len(await people.lock(connection, source_id, target_id)) != 2:
                raise NotFound("Unknown person.")
            for user_id in (source_id, target_id):
                if (await found(connection, user_id)).merged_into is not None:
                    raise Conflict("One of them has already been merged into someone else.")
            moved = await person_data.merge(connection, source=source_id, target=target_id)
            details = {"source": person_reference(source_id), "identities": moved}
            await self._audit.record(principal, "users.merge", target, details=details, connection=connection)
        self._bot_users.changed()
        return moved

    async def export(self, principal: Principal, user_id: str, *, reason: str) -> AsyncIterator[bytes]:
        """All that is held of a person as one JSON document, piece by piece; passwords and tokens are not in it.

        The permission is checked and the line written before the first piece. Raises: NotFound, InvalidInput,
        PermissionDenied.
        """
        target = person_reference(user_id)
        await self._audit.require(principal, Permission.MANAGE_USERS, target)
        because = checked_reason(reason)
        async with self._database.write() as connection:
            ids = await self._ids(connection, user_id)
            await self._audit.record(
                principal, "users.export", target, details={"reason": because}, connection=connection
            )
        return self._pieces(ids)

    async def erase(
        self, principal: Principal, user_id: str, *, typed_name: str, also_at_bots: bool = False
    ) -> Erasure:
        """Delete all that we hold of a person, for good; ``typed_name`` is their username, typed to be sure.

        It is recorded twice: with what begins it, which shuts the person out and cannot be taken back, and with what
        was deleted. The row that the bots share goes only when it was made here and no other platform uses it.
        ``also_at_bots``: the bots are told to forget the person first, while it is known whom they call what; what they
        do not do is in the receipt, and keeps nothing here from being deleted.
        Raises: NotFound, InvalidInput (another name), PermissionDenied, NotAuthenticated.
        """
        target = person_reference(user_id)
        await self._audit.require(principal, Permission.MANAGE_USERS, target)
        async with self._database.write() as connection:
            if typed_name.strip() != (await found(connection, user_id)).username:
                raise InvalidInput("this is not the person's name", field="typed_name")
            ids = await self._ids(connection, user_id)
            await people.ban(connection, ids, reason="being erased")
            ended = await people.end_sessions(connection, ids, is_admin=False)
            begun = {"step": "shut out", "sessions": len(ended)}
            await self._audit.record(principal, "users.erase", target, details=begun, connection=connection)
        for session_id in ended:
            self._auth.ended.publish(session_id)
        await asyncio.sleep(self._drain_s)
        receipt_id = None
        if also_at_bots and self._forget_at_bots is not None:  # they are told nothing new of this person any more
            receipt_id = await self._forget_at_bots(principal, user_id)
        async with self._database.write() as connection:
            counts = await person_data.erase(connection, ids)
            is_kept = await people.get(connection, user_id) is not None
            details = {"step": "deleted"} | counts | {"is_user_row_kept": is_kept}
            await self._audit.record(principal, "users.erase", target, details=details, connection=connection)
        log.info("person_erased", messages=counts["messages"], sessions=counts["sessions"])
        return Erasure(
            messages=counts["messages"],
            sessions=counts["sessions"],
            accounts=counts["accounts"],
            is_user_row_kept=is_kept,
            receipt_id=receipt_id,
        )

    async def _ids(self, connection: Connection, user_id: str) -> list[str]:
        await found(connection, user_id)
        ids = [user_id, *await people.merged_into(connection, user_id)]
        ids += await people.spoken_for(connection, ids)
        await accounts.lock_accounts(connection, ids)
        return ids

    async def _pieces(self, ids: Sequence[str]) -> AsyncIterator[bytes]:
        opening = b"{"
        for part in person_data.EXPORTED:
            async with self._database.read() as connection:
                rows = await person_data.exported(connection, part, ids)
            yield opening + orjson.dumps(part) + b":" + _json(rows)
            opening = b","
        yield b',"messages":['
        after, joint = _FIRST, b""
        while rows := await self._messages(ids, after):
            yield joint + b",".join(map(_json, rows))
            after, joint = (rows[-1]["user_id"], rows[-1]["seq"], rows[-1]["id"]), b","
        yield b"]}"

    async def _messages(self, ids: Sequence[str], after: tuple[str, int, UUID]) -> list[dict[str, Any]]:
        async with self._database.read() as connection:
            return await person_data.exported_messages(connection, ids, after=after, limit=MESSAGES_A_READ)


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=str)
