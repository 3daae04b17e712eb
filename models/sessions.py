"""Sessions of users and administrators. Source: specification, "Web User Sessions"."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebUserSession(SQLModel, table=True):
    """One signed-in device. ``session_token`` holds the SHA-256 of the token, never the token."""

    __tablename__ = "web_user_sessions"
    __table_args__ = (
        Index("idx_web_sessions_token", "session_token"),
        Index("idx_web_sessions_user", "user_id"),
    )

    id: UUID = Field(primary_key=True)
    session_token: str = Field(max_length=255, unique=True)
    user_id: str = Field(max_length=100)
    username: str = Field(max_length=30)
    display_name: str | None = Field(default=None, max_length=50)
    created_at: datetime = timestamptz()
    last_active: datetime = timestamptz()
    expires_at: datetime = timestamptz(default_now=False)
    is_admin: bool = Field(default=False)
    revoked_at: datetime | None = timestamptz(nullable=True)
    address: str | None = Field(default=None, max_length=64)
    user_agent: str | None = Field(default=None, max_length=200)
    claim_family: UUID | None = Field(
        default=None, description="The claims that end with this session; of an administrator, the form."
    )


class WebSocketTicket(SQLModel, table=True):
    """A way to open one WebSocket as the person of a session. ``ticket_hash`` is its SHA-256; used once, and soon."""

    __tablename__ = "web_ws_tickets"

    ticket_hash: str = Field(primary_key=True, max_length=64)
    session_id: UUID = Field(foreign_key="web_user_sessions.id", ondelete="CASCADE", index=True)
    expires_at: datetime = timestamptz(default_now=False)
