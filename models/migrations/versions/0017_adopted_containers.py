"""Containers that an administrator adopted."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE web_adopted_containers (
            name VARCHAR(255) PRIMARY KEY,
            project VARCHAR(255) NOT NULL DEFAULT '',
            adopted_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            adopted_by VARCHAR(100) NOT NULL DEFAULT ''
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE web_adopted_containers")
