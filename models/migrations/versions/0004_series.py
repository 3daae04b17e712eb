"""Time series of bots, services and requests; the intervals of their states."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    # Rows are added to again and again while they are current: room on the page keeps those updates off the indexes.
    """
    CREATE TABLE web_series (
        subject VARCHAR(80) NOT NULL,
        span_s INTEGER NOT NULL,
        started_at TIMESTAMPTZ NOT NULL,
        count BIGINT NOT NULL,
        errors BIGINT NOT NULL,
        sum_ms DOUBLE PRECISION NOT NULL,
        max_ms DOUBLE PRECISION NOT NULL,
        buckets SMALLINT[] NOT NULL,
        counts BIGINT[] NOT NULL,
        PRIMARY KEY (subject, span_s, started_at)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX idx_web_series_span ON web_series (span_s, started_at)",
    """
    CREATE TABLE web_series_writers (
        writer UUID PRIMARY KEY,
        batch BIGINT NOT NULL,
        written_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE web_status_intervals (
        subject VARCHAR(80) NOT NULL,
        started_at TIMESTAMPTZ NOT NULL,
        status VARCHAR(16) NOT NULL,
        until_at TIMESTAMPTZ NOT NULL,
        reason VARCHAR(200) NOT NULL,
        PRIMARY KEY (subject, started_at)
    ) WITH (fillfactor = 80)
    """,
)
DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE web_status_intervals",
    "DROP TABLE web_series_writers",
    "DROP TABLE web_series",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
