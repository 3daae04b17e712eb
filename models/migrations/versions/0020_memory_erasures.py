"""Receipts of what bots were told to forget of a person."""

from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    CREATE TABLE web_memory_erasures (
        id UUID PRIMARY KEY,
        person VARCHAR(100) NOT NULL,
        bot_user_ids VARCHAR(255)[] NOT NULL,
        requested_by VARCHAR(100),
        reason TEXT,
        requested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        claimed_until TIMESTAMPTZ,
        closed_at TIMESTAMPTZ
    )
    """,
    "CREATE INDEX idx_web_memory_erasures_person ON web_memory_erasures (person, id)",
    "CREATE INDEX idx_web_memory_erasures_open ON web_memory_erasures (id) WHERE closed_at IS NULL",
    """
    CREATE TABLE web_memory_erasure_parts (
        erasure_id UUID NOT NULL REFERENCES web_memory_erasures (id) ON DELETE CASCADE,
        bot_name VARCHAR(50) NOT NULL,
        part VARCHAR(16) NOT NULL,
        outcome VARCHAR(16) NOT NULL,
        was_there BOOLEAN NOT NULL DEFAULT FALSE,
        attempts INTEGER NOT NULL DEFAULT 0,
        tried_at TIMESTAMPTZ,
        next_try_at TIMESTAMPTZ,
        PRIMARY KEY (erasure_id, bot_name, part)
    )
    """,
)
DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE web_memory_erasure_parts",
    "DROP TABLE web_memory_erasures",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
