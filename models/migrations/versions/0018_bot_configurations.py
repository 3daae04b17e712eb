"""What each bot ran with, so that it can be said what changed."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE web_bot_configurations (
            id UUID PRIMARY KEY,
            bot_name VARCHAR(50) NOT NULL,
            number INTEGER NOT NULL,
            start_key VARCHAR(200) NOT NULL,
            started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            last_started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            starts INTEGER NOT NULL DEFAULT 1,
            is_start BOOLEAN NOT NULL DEFAULT true,
            told_at TIMESTAMPTZ,
            facts JSONB NOT NULL,
            changes JSONB NOT NULL,
            CONSTRAINT uq_web_bot_configurations UNIQUE (bot_name, number)
        )
        """
    )
    op.execute("CREATE INDEX idx_web_bot_configurations_started ON web_bot_configurations (started_at, id)")


def downgrade() -> None:
    op.execute("DROP TABLE web_bot_configurations")
