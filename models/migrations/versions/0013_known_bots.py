"""Bots that were seen stay in the fleet until an operator removes them."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE web_known_bots (
            bot_name VARCHAR(50) PRIMARY KEY,
            facts JSONB NOT NULL DEFAULT '{}',
            first_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            last_seen_at TIMESTAMPTZ,
            is_disabled BOOLEAN NOT NULL DEFAULT false,
            removed_at TIMESTAMPTZ,
            removed_by VARCHAR(100) NOT NULL DEFAULT ''
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE web_known_bots")
