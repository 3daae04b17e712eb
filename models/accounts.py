"""Who may resume a web identity: the claimed name, its optional password, and the browsers that hold a claim."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebAccount(SQLModel, table=True):
    """The web side of a universal user. A name is held by one account; guests share names and hold none."""

    __tablename__ = "web_accounts"
    __table_args__ = (
        Index("uq_web_accounts_name", "name_key", unique=True, postgresql_where=text("NOT is_guest")),
        Index("idx_web_accounts_name", "name_key"),
        Index("idx_web_accounts_skeletons", "skeletons", postgresql_using="gin", postgresql_where=text("NOT is_guest")),
    )

    user_id: str = Field(
        primary_key=True, max_length=255, foreign_key="universal_users.universal_id", ondelete="CASCADE"
    )
    name_key: str = Field(max_length=60, description="The username, normalised and case-folded.")
    skeletons: list[str] = Field(
        default_factory=list,
        sa_type=ARRAY(String(120)),
        sa_column_kwargs={"server_default": "{}"},
        description="What the username looks like: who looks the same is told apart by a badge.",
    )
    username: str = Field(max_length=30)
    display_name: str = Field(max_length=50)
    is_guest: bool = Field(default=False)
    password_hash: str | None = Field(default=None, max_length=255)
    created_at: datetime = timestamptz()
    banned_at: datetime | None = timestamptz(nullable=True)
    ban_reason: str | None = Field(default=None, max_length=500)


class WebClaim(SQLModel, table=True):
    """What lets a browser resume one account until it expires: the SHA-256 of a secret in its claim cookie.

    Each sign-in makes a new one. Those that one browser got for one account, one after the other, are a family, and
    are revoked together.
    """

    __tablename__ = "web_claims"

    claim_hash: str = Field(primary_key=True, max_length=64)
    user_id: str = Field(
        primary_key=True, max_length=255, foreign_key="web_accounts.user_id", ondelete="CASCADE", index=True
    )
    family_id: UUID = Field(index=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    created_at: datetime = timestamptz()
    expires_at: datetime = Field(
        index=True,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": text("now() + interval '90 days'")},
    )
