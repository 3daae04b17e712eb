"""Other people's conversations: found without a word of them, read only for a reason, and every reading is recorded.

The reason is kept in the audit trail; what was said, and the words that were searched for, are not.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import orjson

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import NotFound
from chat_api.core.language import N_
from chat_api.core.markdown import escaped_line, quoted
from chat_api.core.principals import Permission, Principal
from chat_api.core.tally import Tally
from chat_api.core.text import check_text
from chat_api.messages import repository as conversations
from chat_api.messages.feeds import Feeds
from chat_api.messages.schemas import Message
from chat_api.people import repository as people
from chat_api.people.schemas import person_reference
from chat_api.people.service import checked_reason, is_storable
from chat_api.transcripts import repository as transcripts
from chat_api.transcripts.schemas import Deletion, Finds, Search, TranscriptPage

MAX_SCANNED = 20_000
MAX_PEOPLE = 1_000
MAX_WORDS_CHARS = 200
MAX_LINES = 200
DELETE_AT_ONCE = 500
MAX_ASKED = 1_000
NEWEST = 2**62
# Each looks at many rows; those of one person keep nobody else from the database.
MAX_SEARCHES_PER_PERSON = 3
MAX_SEARCHES = 8
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class TranscriptsService:
    """Finds, shows, exports and deletes conversations of other people."""

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        feeds: Feeds,
        *,
        max_scanned: int = MAX_SCANNED,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._audit = audit
        self._feeds = feeds
        self._max_scanned = max_scanned
        self._searching = Tally(MAX_SEARCHES_PER_PERSON, total=MAX_SEARCHES)
        self._clock = clock

    async def find(self, principal: Principal, search: Search, *, reason: str | None = None) -> Finds:
        """Conversations by person, bot, words and time. Words need a reason, for to find them is to read.

        One call looks at :data:`MAX_SCANNED` exchanges at the most. Raises: PermissionDenied, NotAuthenticated,
        InvalidInput (words without a reason), RateLimited.
        """
        await self._audit.require(principal, Permission.READ_CONVERSATIONS, "search")
        words = check_text(search.words, field="words", max_chars=MAX_WORDS_CHARS).strip() if search.words else None
        user = check_text(search.user, field="user", max_chars=MAX_WORDS_CHARS).strip() if search.user else None
        bot_name = check_text(search.bot_name, field="bot_name", max_chars=50).strip() if search.bot_name else None
        if words:
            details = {"reason": checked_reason(reason or ""), "bot_name": bot_name, "is_one_person": bool(user)}
            await self._audit.record(principal, "conversations.search", "search", details=details)
        held = self._searching.holding(principal.user_id, refusal=N_("Wait until your other searches are done."))
        with held:
            async with self._database.read() as connection:
                ids = await transcripts.people_named(connection, user, limit=MAX_PEOPLE) if user else None
                return await transcripts.search(
                    connection,
                    user_ids=ids,
                    bot_name=bot_name,
                    words=words,
                    since=search.since or _EARLIEST,
                    until=search.until or self._clock.now(),
                    limit=self._max_scanned,
                )

    async def read(
        self,
        principal: Principal,
        user_id: str,
        bot_name: str,
        *,
        reason: str,
        before: int | None = None,
        limit: int = 50,
    ) -> TranscriptPage:
        """Some lines of a conversation, newest first; each reading is a line of the audit trail, with the reason.

        Raises: NotFound, InvalidInput (no reason), PermissionDenied, NotAuthenticated.
        """
        username = await self._open(principal, "conversations.read", user_id, bot_name, reason=reason)
        page = await conversations.page(
            self._database, user_id, bot_name, before=before or NEWEST, limit=min(limit, MAX_LINES)
        )
        return TranscriptPage(
            user_id=user_id,
            username=username,
            bot_name=bot_name,
            messages=page.messages,
            next_before=page.next_before,
        )

    async def export(
        self, principal: Principal, user_id: str, bot_name: str, *, reason: str, kind: str
    ) -> AsyncIterator[bytes]:
        """A whole conversation, oldest first, as ``markdown`` or ``json``, piece by piece. Recorded as a reading is.

        Raises: NotFound, InvalidInput, PermissionDenied, NotAuthenticated.
        """
        username = await self._open(principal, "conversations.export", user_id, bot_name, reason=reason)
        if kind == "json":
            return self._as_json(user_id, username, bot_name)
        return self._as_markdown(user_id, username, bot_name)

    async def size(self, principal: Principal, user_id: str, bot_name: str) -> tuple[str, int]:
        """Whose conversation it is, and how many messages a deletion would erase.

        Raises: NotFound, PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.READ_CONVERSATIONS)
        username = await self._username(user_id, bot_name)
        return username, (await transcripts.counts(self._database, user_id, bot_name))[0]

    async def delete(self, principal: Principal, user_id: str, bot_name: str, *, reason: str) -> Deletion:
        """Erase all texts of a conversation as its owner could; their open tabs see it at once.

        Messages that are being answered stay. Raises: NotFound, InvalidInput, PermissionDenied, NotAuthenticated.
        """
        await self._open(principal, "conversations.delete", user_id, bot_name, reason=reason)
        deleted = 0
        while True:
            count, last_seq = await transcripts.delete_some(self._database, user_id, bot_name, limit=DELETE_AT_ONCE)
            if not count:
                break
            deleted += count
            self._feeds.remind(user_id, seq=last_seq)
        _, pending = await transcripts.counts(self._database, user_id, bot_name)
        return Deletion(messages=deleted, still_pending=pending)

    async def _open(self, principal: Principal, action: str, user_id: str, bot_name: str, *, reason: str) -> str:
        """Check and record before anything is read; returns the person's name."""
        target = f"{person_reference(user_id)} / {bot_name}"
        await self._audit.require(principal, Permission.READ_CONVERSATIONS, target)
        because = checked_reason(reason)
        username = await self._username(user_id, bot_name)
        await self._audit.record(principal, action, target, details={"reason": because})
        return username

    async def _username(self, user_id: str, bot_name: str) -> str:
        if not (is_storable(user_id) and is_storable(bot_name)):
            raise NotFound("Unknown conversation.")
        async with self._database.read() as connection:
            threads = await people.threads_of(connection, [user_id])
        for thread in threads:
            if thread.bot_name == bot_name:
                return thread.username
        raise NotFound("Unknown conversation.")

    async def _lines(self, user_id: str, bot_name: str) -> AsyncIterator[Message]:
        """All lines, oldest first; pages are read backwards, so their places are noted first."""
        pages: list[int] = []
        before: int | None = NEWEST
        while before is not None:
            pages.append(before)
            page = await conversations.page(self._database, user_id, bot_name, before=before, limit=MAX_LINES)
            before = page.next_before
        for place in reversed(pages):
            page = await conversations.page(self._database, user_id, bot_name, before=place, limit=MAX_LINES)
            for message in reversed(page.messages):
                yield message

    async def _as_json(self, user_id: str, username: str, bot_name: str) -> AsyncIterator[bytes]:
        head = {"user_id": user_id, "username": username, "bot_name": bot_name}
        yield orjson.dumps(head)[:-1] + b',"messages":['
        joint = b""
        async for line in self._lines(user_id, bot_name):
            yield joint + orjson.dumps(line, default=str)
            joint = b","
        yield b"]}"

    async def _as_markdown(self, user_id: str, username: str, bot_name: str) -> AsyncIterator[bytes]:
        yield f"# {escaped_line(username)} and {escaped_line(bot_name)}\n\n".encode()
        yield f"Exported {self._clock.now():%Y-%m-%d %H:%M} UTC\n".encode()
        asked: dict[UUID, datetime] = {}
        async for line in self._lines(user_id, bot_name):
            who = username if line.role == "user" else bot_name
            # An answer that does not stand below its question says which one it is.
            asked_at = asked.get(line.reply_to) if line.reply_to else None
            is_apart = asked_at is not None and line.reply_to != next(reversed(asked))
            to = f", to the message of {asked_at:%Y-%m-%d %H:%M:%S} UTC" if is_apart else ""
            if line.reply_to is None:
                asked[line.message_id] = line.timestamp
                if len(asked) > MAX_ASKED:
                    del asked[next(iter(asked))]
            heading = f"**{escaped_line(who)}**, {line.timestamp:%Y-%m-%d %H:%M:%S} UTC{to}"
            yield f"\n{heading}\n\n{quoted(line.content)}\n".encode()
