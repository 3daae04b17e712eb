"""What was called a canary is a synthetic check: its column, and the series of how they went."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

COLUMNS = (("web_bot_policies", "is_canary_on", "is_synthetic_check_on"),)


def upgrade() -> None:
    for table, before, after in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    _rename_series("canary:", "synthetic_check:")


def downgrade() -> None:
    _rename_series("synthetic_check:", "canary:")
    for table, before, after in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {after} TO {before}")


def _rename_series(before: str, after: str) -> None:
    op.execute(
        f"UPDATE web_series SET subject = '{after}' || substr(subject, {len(before) + 1})"
        f" WHERE starts_with(subject, '{before}')"
    )
