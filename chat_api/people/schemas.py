"""People as administrators see them: their identities, sessions and what we hold of them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import Role


class PersonSort(StrEnum):
    """What a list of people is sorted by, the greatest first; names from A to Z."""

    LAST_ACTIVE = "last_active"
    NAME = "name"
    MESSAGES = "messages"
    SESSIONS = "sessions"


class PersonKind(StrEnum):
    """Which people a list shows."""

    ALL = "all"
    GUESTS = "guests"
    BANNED = "banned"
    ONLINE = "signed_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView(ReadModel):
    """One person."""

    user_id: str
    username: str
    display_name: str
    is_guest: bool
    is_banned: bool
    has_account: Annotated[bool, Field(description="Whether they have signed in here.")]
    platforms: tuple[str, ...]
    messages: Annotated[int, Field(description="Those they wrote here.")]
    sessions: Annotated[int, Field(description="Sessions that live.")]
    created_at: datetime
    last_active: datetime
    merged_into: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage(ReadModel):
    """Some people, and how many there are."""

    people: tuple[PersonView, ...]
    total: Annotated[int, Field(description="How many there are in all.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityView(ReadModel):
    """An account of a person on one platform."""

    platform: str
    platform_user_id: str
    username: str
    display_name: str | None
    verified_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView(ReadModel):
    """One signed-in device."""

    session_id: UUID
    user_id: str
    created_at: datetime
    last_active: datetime
    expires_at: datetime
    address: Annotated[str | None, Field(description="Where it said to be.")]
    user_agent: Annotated[str | None, Field(description="What it said to be.")]
    is_live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadView(ReadModel):
    """A person's conversation with a bot, without a word of it."""

    user_id: str
    username: str
    bot_name: str
    exchanges: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDetails(PersonView):
    """One person with identities, sessions and conversations."""

    reference: Annotated[str, Field(description="What the audit trail calls this person.")]
    banned_at: datetime | None
    ban_reason: str | None
    identities: tuple[IdentityView, ...]
    live_sessions: Annotated[tuple[SessionView, ...], Field(description="The newest, those that live first.")]
    threads: tuple[ThreadView, ...]
    merged_from: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure(ReadModel):
    """What was erased of a person."""

    messages: int
    sessions: int
    accounts: int
    is_user_row_kept: Annotated[
        bool, Field(description="The row that the bots share stays where other platforms use it.")
    ]
    receipt_id: Annotated[UUID | None, Field(description="What the bots were told to forget: the receipt.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminView(ReadModel):
    """One administrator."""

    admin_id: str
    username: str
    role: Role
    has_totp: bool
    created_at: datetime
    disabled_at: datetime | None
    sessions: int
    last_active: datetime | None


def person_reference(user_id: str) -> str:
    """A person's reference in the audit trail: derived from the id, and meaningless once the person is erased."""
    return f"person-{hashlib.sha256(user_id.encode()).hexdigest()[:16]}"
