"""What the API gives and takes about people and administrators."""

from pydantic import Field, StrictStr

from chat_api.http.base_models import Answer, Body
from chat_api.people.auth_bodies import Role
from chat_api.people.schemas import AdminView, SessionView
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
    also_at_bots: bool = Field(
        False, description="Have the bots forget the person, too; the answer names the receipt.", examples=[True]
    )


class RoleBody(Body):
    """What an administrator may do from now on."""

    role: Role = Field(examples=["operator"])


class EnabledBody(Body):
    """Whether an administrator may sign in."""

    is_enabled: bool = Field(examples=[False])


class SessionList(Answer):
    """Sessions, those that live first."""

    sessions: tuple[SessionView, ...]


class EndedAnswer(Answer):
    """How many sessions were ended."""

    ended: int


class MergedAnswer(Answer):
    """How many identities moved."""

    identities: int


class AdminList(Answer):
    """All administrators."""

    admins: tuple[AdminView, ...]
