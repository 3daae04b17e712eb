"""What was called a canary is a synthetic check: its column, and the series of how they went."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE web_bot_policies RENAME COLUMN is_canary_on TO is_synthetic_check_on")
    _rename_series("canary:", "synthetic_check:")


def downgrade() -> None:
    _rename_series("synthetic_check:", "canary:")
    op.execute("ALTER TABLE web_bot_policies RENAME COLUMN is_synthetic_check_on TO is_canary_on")


def _rename_series(before: str, after: str) -> None:
    op.execute(
        f"UPDATE web_series SET subject = '{after}' || substr(subject, {len(before) + 1})"
        f" WHERE starts_with(subject, '{before}')"
    )
