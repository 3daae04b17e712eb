"""What one process may do for all: a lease with an end, by the database's clock."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebLease(SQLModel, table=True):
    """Who holds what, and until when unless it is renewed."""

    __tablename__ = "web_leases"

    name: str = Field(primary_key=True, max_length=50)
    holder: UUID
    expires_at: datetime = timestamptz(default_now=False)
