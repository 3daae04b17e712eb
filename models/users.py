"""People, shared with the bots: the tables of WhisperEngine's universal identity.

Source: bot contract, "Identity". They may exist already and hold Discord users; nothing here narrows them.
"""

from datetime import datetime

from sqlalchemy import Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class UniversalUser(SQLModel, table=True):
    """One person, whatever the platform. ``universal_id`` is ``weu_`` and 16 hex digits."""

    __tablename__ = "universal_users"

    universal_id: str = Field(primary_key=True, max_length=255)
    primary_username: str = Field(max_length=255)
    display_name: str | None = Field(default=None, max_length=255)
    email: str | None = Field(default=None, max_length=255)
    created_at: datetime = timestamptz()
    last_active: datetime = timestamptz()
    preferences: str = Field(default="{}", sa_type=Text)
    privacy_settings: str = Field(default="{}", sa_type=Text)


class PlatformIdentity(SQLModel, table=True):
    """A person's account on one platform; a web user's ``platform_user_id`` is the ``universal_id`` itself."""

    __tablename__ = "platform_identities"
    __table_args__ = (UniqueConstraint("platform", "platform_user_id"),)

    id: int | None = Field(default=None, primary_key=True)
    universal_id: str = Field(foreign_key="universal_users.universal_id", ondelete="CASCADE", max_length=255)
    platform: str = Field(max_length=50)
    platform_user_id: str = Field(max_length=255)
    username: str = Field(max_length=255)
    display_name: str | None = Field(default=None, max_length=255)
    email: str | None = Field(default=None, max_length=255)
    verified_at: datetime = timestamptz()
