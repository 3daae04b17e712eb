"""Identifiers: UUIDv7 (sorts by time of creation) for rows, ``weu_`` + 16 hex for people."""

import secrets
from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A new UUIDv7 as a standard ``uuid.UUID``. Source: RFC 9562, section 5.7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def new_universal_id() -> str:
    """A new identity for a person, in the form the bots share. Source: bot contract, "Identity"."""
    return f"weu_{secrets.token_hex(8)}"
