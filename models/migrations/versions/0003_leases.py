"""Several processes: who leads, and what the leader last saw of the fleet."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE web_leases (
        name VARCHAR(50) PRIMARY KEY,
        holder UUID NOT NULL,
        expires_at TIMESTAMPTZ NOT NULL
    )
    """,
    """
    CREATE TABLE web_fleet_reports (
        key VARCHAR(100) PRIMARY KEY,
        report TEXT NOT NULL,
        reported_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE web_fleet_reports")
    op.execute("DROP TABLE web_leases")
