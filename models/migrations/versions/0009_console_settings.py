"""How each process of the deployment is. What is set in the console lives in ``web_settings``."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    CREATE TABLE web_processes (
        id UUID PRIMARY KEY,
        report JSONB NOT NULL,
        reported_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
)
DOWNGRADE: tuple[str, ...] = ("DROP TABLE web_processes",)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
