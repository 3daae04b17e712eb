"""What the API gives and takes about people, administrators, conversations and use."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, Field, StrictStr

from chat_api.routes.models import Answer, Body, MessageEntry, TextId
from chat_api.schemas.analytics import UsageReport
from chat_api.schemas.people import PersonDetails
from chat_api.services.users import MAX_REASON_CHARS, MIN_REASON_CHARS

Role = Literal["viewer", "operator", "admin"]


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


class SearchBody(Body):
    """What a conversation must have."""

    user: StrictStr | None = Field(None, min_length=1, max_length=200, description="A name or an id.", examples=["ann"])
    bot_name: StrictStr | None = Field(None, min_length=1, max_length=50, examples=["elena"])
    words: StrictStr | None = Field(
        None, min_length=1, max_length=200, description="Needs a reason.", examples=["refund"]
    )
    since: AwareDatetime | None = Field(None, strict=False, examples=["2026-03-01T00:00:00Z"])
    until: AwareDatetime | None = Field(None, strict=False, examples=["2026-03-31T00:00:00Z"])
    reason: StrictStr | None = Field(None, max_length=MAX_REASON_CHARS, examples=["Ticket 4711"])


class FindsAnswer(Answer):
    """Conversations that were found, without a word of them."""

    threads: list[ThreadEntry]
    next_until: datetime | None = Field(description="Pass as `until` to search further back; null at the end.")
    looked_at: int = Field(description="How many exchanges were compared.")


class ReadTranscriptBody(ReasonBody):
    """Why a conversation is read, and from where."""

    before: int | None = Field(None, ge=0, le=2**62, description="`next_before` of the page after.", examples=[42])
    limit: int = Field(50, ge=1, le=200, examples=[50])


class ExportBody(ReasonBody):
    """Why a conversation is exported, and as what."""

    format: Literal["json", "markdown"] = Field("json", examples=["markdown"])


class TranscriptAnswer(Answer):
    """Some lines of a conversation, newest first."""

    user_id: str
    username: str
    bot_name: str
    messages: list[MessageEntry]
    next_before: int | None


class DeletionAnswer(Answer):
    """What was deleted of a conversation."""

    messages: int
    still_pending: int


class UsageEntry(Answer):
    """One period; times in seconds, shares from 0 to 1."""

    start: datetime
    bot_name: str = Field(description="Empty for all bots.")
    users: int
    messages: int
    answered: int
    failed: int
    failure_share: float | None
    p50_s: float | None
    p95_s: float | None
    visits: int
    visit_minutes: float | None


class BotShareEntry(UsageEntry):
    """One bot's part of the whole time."""

    share: float


class UsageAnswer(Answer):
    """How the fleet was used."""

    grain: Literal["hour", "day", "week"]
    since: datetime
    until: datetime
    counted_up_to: datetime | None
    total: UsageEntry
    periods: list[UsageEntry]
    bots: list[BotShareEntry]

    @classmethod
    def of(cls, report: UsageReport) -> "UsageAnswer":
        """The report as JSON gives it."""
        return cls(
            grain=report.grain,
            since=report.since,
            until=report.until,
            counted_up_to=report.counted_up_to,
            total=report.total,
            periods=report.periods,
            bots=[BotShareEntry(**dict(UsageEntry.model_validate(bot.total)), share=bot.share) for bot in report.bots],
        )


class CohortEntry(Answer):
    """People of one first week, and how many of them wrote in each week from then on."""

    week: date
    people: list[int]


class RetentionAnswer(Answer):
    """Cohorts, the newest first."""

    cohorts: list[CohortEntry]
