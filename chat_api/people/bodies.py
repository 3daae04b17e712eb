"""What the API gives and takes about people and administrators."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field, StrictStr

from chat_api.http.base_models import Answer, Body, TextId
from chat_api.people.auth_bodies import Role
from chat_api.people.schemas import PersonDetails
from chat_api.people.service import MAX_REASON_CHARS, MIN_REASON_CHARS


class ReasonBody(Body):
    """Why; it is kept in the audit trail."""

    reason: StrictStr = Field(
        min_length=MIN_REASON_CHARS, max_length=MAX_REASON_CHARS, examples=["The user asked for help, ticket 4711"]
    )


class MergeBody(Body):
    """Who becomes part of this person."""

    source_id: StrictStr = Field(min_length=1, max_length=255, examples=["weu_3f9c1e77a0b2d415"])


class EraseBody(Body):
    """The person's username, typed to be sure."""

    typed_name: StrictStr = Field(min_length=1, max_length=255, examples=["alice"])


class RoleBody(Body):
    """What an administrator may do from now on."""

    role: Role = Field(examples=["operator"])


class EnabledBody(Body):
    """Whether an administrator may sign in."""

    is_enabled: bool = Field(examples=[False])


class PersonEntry(Answer):
    """One person."""

    user_id: str
    username: str
    display_name: str
    is_guest: bool
    is_banned: bool
    has_account: bool = Field(description="Whether they have signed in here.")
    platforms: list[str]
    messages: int
    sessions: int = Field(description="Sessions that live.")
    created_at: datetime
    last_active: datetime
    merged_into: str | None = None


class PersonList(Answer):
    """Some people, and how many there are."""

    people: list[PersonEntry]
    total: int


class IdentityEntry(Answer):
    """An account on one platform."""

    platform: str
    platform_user_id: str
    username: str
    display_name: str | None
    verified_at: datetime | None


class SessionEntry(Answer):
    """One signed-in device."""

    session_id: TextId
    user_id: str
    created_at: datetime
    last_active: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None
    is_live: bool


class SessionList(Answer):
    """Sessions, those that live first."""

    sessions: list[SessionEntry]


class ThreadEntry(Answer):
    """A conversation, without a word of it."""

    user_id: str
    username: str
    bot_name: str
    exchanges: int
    last_at: datetime | None


class PersonAnswer(PersonEntry):
    """One person with identities, sessions and conversations."""

    reference: str = Field(description="What the audit trail calls this person.")
    banned_at: datetime | None
    ban_reason: str | None
    identities: list[IdentityEntry]
    live_sessions: list[SessionEntry]
    threads: list[ThreadEntry]
    merged_from: list[str]

    @classmethod
    def of(cls, details: PersonDetails) -> "PersonAnswer":
        """The person as JSON gives them."""
        values = asdict(details)
        return cls(**values.pop("person"), live_sessions=values.pop("sessions"), **values)


class EndedAnswer(Answer):
    """How many sessions were ended."""

    ended: int


class MergedAnswer(Answer):
    """How many identities moved."""

    identities: int


class ErasureAnswer(Answer):
    """What was erased."""

    messages: int
    sessions: int
    accounts: int
    is_user_row_kept: bool = Field(description="The row that the bots share stays where other platforms use it.")


class AdminEntry(Answer):
    """One administrator."""

    admin_id: str
    username: str
    role: Role
    has_totp: bool
    created_at: datetime
    disabled_at: datetime | None
    sessions: int
    last_active: datetime | None


class AdminList(Answer):
    """All administrators."""

    admins: list[AdminEntry]
