"""Columns by the names that anybody would search for; what they hold stays as it is."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = (
    ("web_alerts", "told_subjects", "notified_subjects"),
    ("web_alerts", "told_channels", "notified_channels"),
    ("web_alerts", "told_at", "notified_at"),
    ("web_alert_subjects", "well_since", "healthy_since"),
    ("web_alert_subjects", "words", "summary"),
    ("web_alert_subjects", "cause_lost_at", "cause_gone_at"),
    ("web_accounts", "looks", "skeletons"),
    ("web_rolling_restarts", "beat_at", "heartbeat_at"),
)
INDEXES = (("idx_web_accounts_looks", "idx_web_accounts_skeletons"),)


def upgrade() -> None:
    for table, before, after in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    for before, after in INDEXES:
        op.execute(f"ALTER INDEX {before} RENAME TO {after}")


def downgrade() -> None:
    for before, after in INDEXES:
        op.execute(f"ALTER INDEX {after} RENAME TO {before}")
    for table, before, after in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {after} TO {before}")
