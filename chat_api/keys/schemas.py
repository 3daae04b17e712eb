"""API keys as pages and the API show them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import BackgroundMode, KeyScope


class KeyState(StrEnum):
    """Whether a key opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDraft:
    """What its maker decides of a key. No ``bots``: all. No limit: the general one; no budget: none."""

    name: str
    scopes: Sequence[KeyScope] = (KeyScope.CHAT,)
    bots: Sequence[str] = ()
    background: BackgroundMode = BackgroundMode.AUTO
    requests_per_minute: int | None = None
    messages_per_day: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView(ReadModel):
    """One key, without its secret."""

    key_id: Annotated[UUID, Field(serialization_alias="id")]
    name: Annotated[str, Field(examples=["Open WebUI at home"])]
    owner_id: str
    owner_name: str
    is_admin: Annotated[bool, Field(description="Whether its owner is an administrator.")]
    scopes: tuple[KeyScope, ...]
    bots: Annotated[tuple[str, ...], Field(description="The bots it is for; none: all of them.")]
    background: Annotated[BackgroundMode, Field(description="Which requests are answered without history and memory.")]
    requests_per_minute: Annotated[int | None, Field(description="Null: the general limit.")]
    messages_per_day: Annotated[int | None, Field(description="Null: no budget.")]
    state: KeyState
    last_four: Annotated[str, Field(description="The end of the secret.", examples=["x7Qa"])]
    overlap_until: Annotated[
        datetime | None, Field(description="Until when the secret before the last rotation works.")
    ]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    messages_today: Annotated[int, Field(description="Of the day in UTC.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey(ReadModel):
    """A key and its secret, which is shown this once."""

    key: KeyView
    secret: Annotated[str, Field(examples=["wk_…"])] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDay(ReadModel):
    """What a key did on one day (UTC)."""

    day: date
    messages: Annotated[int, Field(description="What its budget counts.")]
    requests: int
    refused: Annotated[int, Field(description="Over its limit or its budget.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKey:
    """A key that may act now, and whose it is at this moment."""

    key_id: UUID
    key_hash: str
    name: str
    owner_id: str
    is_admin: bool
    username: str
    display_name: str
    role: str | None
    is_guest: bool
    scopes: frozenset[str]
    bots: frozenset[str]
    background: BackgroundMode
    requests_per_minute: int | None
    messages_per_day: int | None


@dataclass(slots=True)
class KeyCounts:
    """What a key did in this process since it was last stored; ``messages`` of those without a budget."""

    requests: int = 0
    refused: int = 0
    messages: int = 0
