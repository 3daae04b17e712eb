"""The client of one user: REST calls, and the stream."""

import uuid
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from whisperengine_client.connection import Connect, connector
from whisperengine_client.errors import Conflict, NotFound
from whisperengine_client.histories import PAGE, history, message
from whisperengine_client.http import Http, Repeat
from whisperengine_client.retry_policy import RetryPolicy
from whisperengine_client.stream import Stream
from whisperengine_client.values import (
    Answer,
    Bot,
    Conversation,
    Line,
    Me,
    Outcome,
    Position,
    Session,
    answer_of,
    bot_of,
    conversation_of,
    line_of,
    me_of,
    outcome_of,
    position_of,
    session_of,
)

TIMEOUT_S = 60.0  # Longer than a bot may take, by default 30 s, behind others of the same user.


class ChatClient:
    """One user's way to the API. Use it as a context manager, or call :meth:`aclose`.

    ``token``: of an earlier login. ``timeout_s``: of one attempt of a REST call. ``transport``: one that several
    clients share, and that its owner closes. ``connect``: opens a WebSocket; for tests. ``trust_env``: mind the
    environment's proxies.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8080",
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retry_policy: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        connect: Connect | None = None,
        trust_env: bool = True,
    ) -> None:
        self._connect = connect or connector(trust_env=trust_env)
        self._http = Http(
            base_url,
            token=token,
            timeout_s=timeout_s,
            retry_policy=retry_policy or RetryPolicy(),
            transport=transport,
            trust_env=trust_env,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of REST; a stream is closed by itself."""
        await self._http.aclose()

    @property
    def token(self) -> str | None:
        """The session's token: keep it, and give it to the next client, to stay the same user."""
        return self._http.token

    # Who

    async def login(self, username: str, *, password: str | None = None, display_name: str | None = None) -> Session:
        """Sign in by name, and keep the token. Without a password a name that is taken makes you a guest under it.

        It is not repeated after a lost reply: the second claim of a free name would be a guest's.
        Raises: NotAuthenticated (password), PermissionDenied (suspended), InvalidInput.
        """
        asked = {"username": username, "password": password, "display_name": display_name}
        body = {name: value for name, value in asked.items() if value is not None}
        repeat = Repeat.UNSEEN if password is None else Repeat.ALWAYS
        session = session_of(await self._http.call("POST", "/api/login", body=body, repeat=repeat))
        self._http.token = session.token
        return session

    async def logout(self) -> None:
        """End the session, and forget its token."""
        await self._http.call("POST", "/api/logout")
        self._http.token = None

    async def me(self) -> Me:
        """Who is signed in. Raises: NotAuthenticated."""
        return me_of(await self._http.call("GET", "/api/me"))

    # Talking

    async def bots(self) -> list[Bot]:
        """The fleet."""
        return [bot_of(bot) for bot in (await self._http.call("GET", "/api/bots"))["bots"]]

    async def ask(
        self, bot_name: str, content: str, *, client_msg_id: str | None = None, message_type: str = "text"
    ) -> Answer:
        """Have a message stored and answered; once, over as many attempts as it takes.

        Raises: AnswerFailed with the ``message_id`` for :meth:`retry`: the message is stored, the bot did not answer.
        Unreachable, TryLater when the retry policy is exhausted; the same ``client_msg_id`` goes on from there.
        """
        body = {"bot_name": bot_name, "content": content, "message_type": message_type}
        key = client_msg_id or str(uuid.uuid4())
        headers = {"Idempotency-Key": key}
        return answer_of(
            await self._http.call("POST", "/api/chat", body=body, headers=headers, repeat=Repeat.UNTIL_ANSWERED)
        )

    async def retry(self, message_id: str) -> Answer:
        """Have a failed message answered again; of an answered one, its answer.

        Not repeated after a lost reply: the bot might be asked once more than you wanted.
        Raises: AnswerFailed, Conflict (it is being answered elsewhere), NotFound.
        """
        path = f"/api/chat/{_quoted(message_id)}/retry"
        return answer_of(await self._http.call("POST", path, repeat=Repeat.UNSEEN))

    async def stop(self, message_id: str) -> Outcome:
        """Stop the answer to a message; what has come of it is kept, and one that has ended stays. Raises: NotFound."""
        return outcome_of(await self._http.call("POST", f"/api/chat/{_quoted(message_id)}/stop"))

    def stream(self, *, since: Position | None = None, client_id: str | None = None, max_events: int = 1000) -> Stream:
        """The live stream, to be used as a context manager: see :class:`Stream`.

        ``since``: where an earlier stream ended (``position``); what was missed comes first. ``client_id``: one for
        each tab; a second stream with it replaces the first. ``max_events``: how many may wait to be read.
        """
        return Stream(
            self._http,
            self._connect,
            client_id=client_id or str(uuid.uuid4()),
            since=since,
            max_events=max_events,
        )

    async def position(self) -> Position:
        """Where the stream stands."""
        return position_of(await self._http.call("GET", "/api/stream"))

    # What was said

    async def conversations(self) -> list[Conversation]:
        """The bots you have talked with, the latest first."""
        return [conversation_of(one) for one in (await self._http.call("GET", "/api/conversations"))["conversations"]]

    def history(self, bot_name: str, *, before: int | None = None, page: int = PAGE) -> AsyncIterator[Line]:
        """One conversation, newest first, page by page, without the deleted. ``before``: a ``seq``.

        Raises: NotFound (bot).
        """
        return history(self._http, bot_name, before=before, page=page)

    async def message(self, message_id: str) -> Line:
        """One message, with what it said before. Raises: NotFound."""
        return await message(self._http, message_id)

    async def edit(self, message_id: str, content: str, *, version: int) -> Line:
        """Give a message of yours another text; ``version`` is the one that you have read.

        Raises: Conflict with ``current_version`` when somebody was faster, NotFound.
        """
        path = f"/api/messages/{_quoted(message_id)}"
        try:
            return line_of(await self._http.call("PATCH", path, body={"content": content, "version": version}))
        except Conflict as error:
            # The one who was faster may have been an earlier attempt of this very call.
            if error.was_repeated and (line := await self.message(message_id)).content == content:
                return line
            raise

    async def delete(self, message_id: str) -> None:
        """Delete a message or an answer. Raises: NotFound, Conflict while it is being answered."""
        try:
            await self._http.call("DELETE", f"/api/messages/{_quoted(message_id)}")
        except NotFound as error:
            if not error.was_repeated:
                raise

    async def react(self, message_id: str, emoji: str) -> None:
        """Add a reaction to a message; a second time changes nothing. Raises: NotFound, InvalidInput."""
        await self._http.call("PUT", f"/api/messages/{_quoted(message_id)}/reactions/{_quoted(emoji)}")

    async def unreact(self, message_id: str, emoji: str) -> None:
        """Remove a reaction. Raises: NotFound, InvalidInput."""
        await self._http.call("DELETE", f"/api/messages/{_quoted(message_id)}/reactions/{_quoted(emoji)}")

    async def mark_read(self, bot_name: str, seq: int) -> None:
        """Say that a conversation was read up to a place of the stream. Raises: NotFound."""
        await self._http.call("PUT", f"/api/conversations/{_quoted(bot_name)}/read", body={"seq": seq})


def _quoted(part: str) -> str:
    return quote(part, safe="")
