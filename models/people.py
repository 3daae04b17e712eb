"""What the console notes about people beside their accounts: whose identities were joined."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebMerge(SQLModel, table=True):
    """Two people who are one: the identities of ``source_id`` belong to ``target_id`` since ``merged_at``."""

    __tablename__ = "web_merges"

    source_id: str = Field(primary_key=True, max_length=255)
    target_id: str = Field(max_length=255, index=True)
    merged_at: datetime = timestamptz()
