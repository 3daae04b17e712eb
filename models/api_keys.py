"""API keys: what programs sign in with instead of a person's session, and what they used them for."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class KeyScope(StrEnum):
    """What a key may be allowed to do; its owner has to be allowed to do it as well."""

    CHAT = "chat"
    HISTORY = "history"
    STATUS = "status"
    OPERATE = "operate"
    ADMINISTER = "administer"


class BackgroundMode(StrEnum):
    """Which requests of a key are answered without history and memory."""

    AUTO = "auto"  # those that say so, and those that look like a client's own: titles, tags, follow-ups
    ALL = "all"
    NONE = "none"


class WebApiKey(SQLModel, table=True):
    """One key, whatever its secret is at the moment. No ``bots``: all of them. No limit: the general one."""

    __tablename__ = "web_api_keys"
    __table_args__ = (Index("idx_web_api_keys_owner", "owner_id", "created_at"),)

    id: UUID = Field(primary_key=True)
    owner_id: str = Field(max_length=255, description="An account, or with is_admin an administrator.")
    is_admin: bool = Field(default=False)
    name: str = Field(max_length=60)
    scopes: list[str] = Field(sa_type=ARRAY(String(16)))
    bots: list[str] = Field(default_factory=list, sa_type=ARRAY(String(50)), sa_column_kwargs={"server_default": "{}"})
    background: str = Field(default=BackgroundMode.AUTO, max_length=8)
    requests_per_minute: int | None = Field(default=None)
    messages_per_day: int | None = Field(default=None)
    created_at: datetime = timestamptz()
    created_by: str = Field(default="", max_length=100)
    expires_at: datetime | None = timestamptz(nullable=True)
    last_used_at: datetime | None = timestamptz(nullable=True)
    revoked_at: datetime | None = timestamptz(nullable=True)
    revoked_by: str | None = Field(default=None, max_length=100)


class WebApiKeySecret(SQLModel, table=True):
    """A secret that opens a key: the new one of a rotation, and the one before it until the overlap is over."""

    __tablename__ = "web_api_key_secrets"

    key_hash: str = Field(primary_key=True, max_length=64)
    key_id: UUID = Field(foreign_key="web_api_keys.id", ondelete="CASCADE", index=True)
    last_four: str = Field(max_length=4)
    created_at: datetime = timestamptz()
    expires_at: datetime | None = timestamptz(nullable=True)


class WebApiKeyUsage(SQLModel, table=True):
    """What one key did on one day (UTC). ``messages`` is what its budget counts."""

    __tablename__ = "web_api_key_usage"

    key_id: UUID = Field(primary_key=True, foreign_key="web_api_keys.id", ondelete="CASCADE")
    day: date = Field(primary_key=True, sa_type=Date)
    messages: int = Field(default=0, sa_type=BigInteger)
    requests: int = Field(default=0, sa_type=BigInteger)
    refused: int = Field(default=0, sa_type=BigInteger)


class WebApiIdentity(SQLModel, table=True):
    """Whom an account's clients call by a name of their own (``user``): a person of this account alone."""

    __tablename__ = "web_api_identities"

    owner_id: str = Field(primary_key=True, max_length=255)
    name_hash: str = Field(primary_key=True, max_length=64)
    user_id: str = Field(max_length=255, index=True)
    created_at: datetime = timestamptz()


class WebUsageSource(SQLModel, table=True):
    """How many messages came by which door in the hour that begins at ``start`` (UTC)."""

    __tablename__ = "web_usage_sources"

    start: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    source: str = Field(primary_key=True, max_length=16)
    messages: int = Field(sa_type=BigInteger)
