"""A client of the API and the WebSocket, for programs. It imports nothing of the server.

::

    async with ChatClient("http://localhost:8080") as client:
        await client.login("alice")
        answer = await client.ask("elena", "Hi")
        async with client.stream() as stream:
            sent = await stream.send("elena", "How are the reefs?")
            async for event in stream:
                if isinstance(event, AnswerEvent) and event.reply_to == sent.message_id:
                    break

What goes wrong is a :class:`ChatError`; the tree of them:

::

    ChatError
    ├── Unreachable            no connection, or the reply was lost; whether it was done is not known
    ├── Refused                the server has understood, and says no
    │   ├── InvalidInput, NotAuthenticated, PermissionDenied, NotFound, Conflict, TooManyConnections, Replaced
    ├── TryLater               nothing was done
    │   ├── RateLimited, Unavailable
    ├── AnswerFailed           the message is stored, the bot has not answered it
    │   ├── BotFailed, BotUnavailable, BotBusy, BotTimeout, Interrupted, Stopped
    ├── ServerFailed           an error of the server, or an answer that is none
    └── StreamEnded            the stream was closed by this side
"""

from whisperengine_client.chat import ChatClient
from whisperengine_client.errors import (
    AnswerFailed,
    BotBusy,
    BotFailed,
    BotTimeout,
    BotUnavailable,
    ChatError,
    Conflict,
    Interrupted,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RateLimited,
    Refused,
    Replaced,
    ServerFailed,
    Stopped,
    StreamEnded,
    TooManyConnections,
    TryLater,
    Unavailable,
    Unreachable,
)
from whisperengine_client.events import (
    AnswerDelta,
    AnswerEvent,
    BotStatus,
    Deleted,
    DurableEvent,
    Edited,
    Event,
    Failed,
    MessageEvent,
    Other,
    Problem,
    Reaction,
    Read,
    Resynced,
    Retried,
    Typing,
)
from whisperengine_client.retry_policy import RetryPolicy
from whisperengine_client.stream import Stream
from whisperengine_client.values import Answer, Bot, Conversation, Line, Me, Outcome, Position, Sent, Session, Version

__all__ = [
    "Answer",
    "AnswerDelta",
    "AnswerEvent",
    "AnswerFailed",
    "Bot",
    "BotBusy",
    "BotFailed",
    "BotStatus",
    "BotTimeout",
    "BotUnavailable",
    "ChatClient",
    "ChatError",
    "Conflict",
    "Conversation",
    "Deleted",
    "DurableEvent",
    "Edited",
    "Event",
    "Failed",
    "Interrupted",
    "InvalidInput",
    "Line",
    "Me",
    "MessageEvent",
    "NotAuthenticated",
    "NotFound",
    "Other",
    "Outcome",
    "PermissionDenied",
    "Position",
    "Problem",
    "RateLimited",
    "Reaction",
    "Read",
    "Refused",
    "Replaced",
    "Resynced",
    "Retried",
    "RetryPolicy",
    "Sent",
    "ServerFailed",
    "Session",
    "Stopped",
    "Stream",
    "StreamEnded",
    "TooManyConnections",
    "TryLater",
    "Typing",
    "Unavailable",
    "Unreachable",
    "Version",
]  # fmt: skip
