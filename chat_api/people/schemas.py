"""People as administrators see them: their identities, sessions and what we hold of them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

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
class PersonView:
    """One line of the list of people. ``messages`` are those they wrote here, ``sessions`` those that live."""

    user_id: str
    username: str
    display_name: str
    is_guest: bool
    is_banned: bool
    has_account: bool
    platforms: tuple[str, ...]
    messages: int
    sessions: int
    created_at: datetime
    last_active: datetime
    merged_into: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """Some of the people that a question found, and how many there are."""

    people: tuple[PersonView, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityView:
    """An account of a person on one platform."""

    platform: str
    platform_user_id: str
    username: str
    display_name: str | None
    verified_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One signed-in device; ``address`` and ``user_agent`` are what it said."""

    session_id: UUID
    user_id: str
    created_at: datetime
    last_active: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None
    is_live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadView:
    """One person's conversation with one bot, without a word of it."""

    user_id: str
    username: str
    bot_name: str
    exchanges: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDetails:
    """One person. ``reference`` is what the audit trail calls them."""

    person: PersonView
    reference: str
    banned_at: datetime | None
    ban_reason: str | None
    identities: tuple[IdentityView, ...]
    sessions: tuple[SessionView, ...]
    threads: tuple[ThreadView, ...]
    merged_from: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was erased of a person."""

    messages: int
    sessions: int
    accounts: int
    is_user_row_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminView:
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
    """What the audit trail calls a person: it can be found from the id, and says nothing once the person is erased."""
    return f"person-{hashlib.sha256(user_id.encode()).hexdigest()[:16]}"
