"""The audit trail as doors read it, and how they ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models import AuditOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """One line of the audit trail."""

    entry_id: UUID
    at: datetime
    actor_name: str
    action: str
    target: str
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
