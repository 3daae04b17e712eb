"""Column types that every table uses the same way."""

from typing import Any

from sqlalchemy import DateTime, text
from sqlmodel import Field


def timestamptz(*, nullable: bool = False, default_now: bool = True) -> Any:
    """A ``TIMESTAMPTZ`` column; the database fills in the current time unless told otherwise."""
    kwargs = {"server_default": text("now()")} if default_now and not nullable else {}
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=nullable, sa_column_kwargs=kwargs)
