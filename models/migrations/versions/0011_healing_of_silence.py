"""A bot that is well by its health check and answers nobody may be healed, too, where operators ask for it."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE web_bot_policies ADD COLUMN is_healed_when_silent BOOLEAN NOT NULL DEFAULT false")


def downgrade() -> None:
    op.execute("ALTER TABLE web_bot_policies DROP COLUMN is_healed_when_silent")
