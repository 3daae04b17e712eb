"""What operators decide for bots; starts, stops and rolling restarts beside restarts."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    ALTER TABLE web_bot_restarts
        ADD COLUMN action VARCHAR(16) NOT NULL DEFAULT 'restart',
        ADD COLUMN origin VARCHAR(16) NOT NULL DEFAULT 'operator',
        ADD COLUMN group_id UUID
    """,
    "CREATE INDEX idx_web_bot_restarts_at ON web_bot_restarts (requested_at)",
    """
    CREATE TABLE web_bot_policies (
        bot_name VARCHAR(50) PRIMARY KEY,
        changed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        changed_by VARCHAR(100) NOT NULL DEFAULT '',
        maintenance_since TIMESTAMPTZ,
        maintenance_until TIMESTAMPTZ,
        maintenance_reason VARCHAR(200) NOT NULL DEFAULT '',
        is_canary_on BOOLEAN NOT NULL DEFAULT true,
        is_auto_healed BOOLEAN NOT NULL DEFAULT false,
        heal_after_failures INTEGER NOT NULL DEFAULT 3,
        healing_since TIMESTAMPTZ,
        quarantined_at TIMESTAMPTZ,
        quarantine_reason VARCHAR(400) NOT NULL DEFAULT '',
        stopped_at TIMESTAMPTZ,
        stopped_by VARCHAR(100) NOT NULL DEFAULT '',
        notes TEXT NOT NULL DEFAULT ''
    )
    """,
    """
    CREATE TABLE web_rolling_restarts (
        id UUID PRIMARY KEY,
        requested_by VARCHAR(100) NOT NULL,
        requested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        batch_size INTEGER NOT NULL,
        state VARCHAR(16) NOT NULL,
        estimate_s FLOAT NOT NULL,
        steps JSONB NOT NULL,
        beat_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        abort_requested_by VARCHAR(100),
        finished_at TIMESTAMPTZ,
        error TEXT
    )
    """,
    "CREATE INDEX idx_web_rolling_restarts_at ON web_rolling_restarts (requested_at)",
    "CREATE UNIQUE INDEX uq_web_rolling_restarts_running ON web_rolling_restarts (state) WHERE finished_at IS NULL",
)
DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE web_rolling_restarts",
    "DROP TABLE web_bot_policies",
    "DROP INDEX idx_web_bot_restarts_at",
    # An older console knows no stops: to it they would be restarts that never ended.
    "DELETE FROM web_bot_restarts WHERE action <> 'restart'",
    "ALTER TABLE web_bot_restarts DROP COLUMN action, DROP COLUMN origin, DROP COLUMN group_id",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
