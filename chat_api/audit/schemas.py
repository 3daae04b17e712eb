"""The audit trail as doors read it, and how they ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import AuditOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView(ReadModel):
    """One action, by whom, on what, and whether it was allowed."""

    entry_id: Annotated[UUID, Field(serialization_alias="id")]
    at: datetime
    actor_name: Annotated[str, Field(serialization_alias="actor")]
    action: Annotated[str, Field(examples=["bot.restart"])]
    target: Annotated[str, Field(examples=["elena"])]
    outcome: AuditOutcome
    address: str | None
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which lines: all of what is given must hold. ``before`` is the last line of the page before."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: AuditOutcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None
    limit: int = 100
