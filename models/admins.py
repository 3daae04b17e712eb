"""Administrators of the console."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class Role(StrEnum):
    """What an administrator may do: each role may do all that the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class AdminAccount(SQLModel, table=True):
    """Somebody who may sign in at the console. Never made by ``/api/login``."""

    __tablename__ = "web_admins"

    admin_id: str = Field(primary_key=True, max_length=100)
    username: str = Field(max_length=30, unique=True)
    password_hash: str = Field(max_length=255)
    totp_secret: str | None = Field(default=None, max_length=64)
    totp_used_steps: list[int] = Field(
        default_factory=list,
        sa_type=ARRAY(BigInteger),
        sa_column_kwargs={"server_default": "{}"},
        description="The time steps whose codes were used last: a code works once.",
    )
    role: str = Field(default=Role.VIEWER, max_length=16)
    created_at: datetime = timestamptz()
    disabled_at: datetime | None = timestamptz(nullable=True)
