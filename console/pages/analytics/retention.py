"""How many of those who first wrote in a week came back in the weeks after."""

from chat_api.core.language import N_, _
from chat_api.series.analytics_schemas import Cohort
from console.widgets.quantities import percent, whole
from console.widgets.records import RecordsTable, column, heading

SHOWN_WEEKS = 12


def retention(cohorts: tuple[Cohort, ...]) -> None:
    """Put the table here, a row a week."""
    weeks = min(max((len(cohort.people) for cohort in cohorts), default=0), SHOWN_WEEKS)
    columns = [
        column("week", N_("Week of first message")),
        *(column(f"week_{n}", N_("People") if n == 0 else f"+{n}", kind="number") for n in range(weeks)),
    ]
    rows = [
        {"key": str(cohort.week), "week": f"{cohort.week:%Y-%m-%d}"}
        | {f"week_{n}": _came_back(cohort, n) for n in range(min(len(cohort.people), weeks))}
        for cohort in cohorts
    ]
    RecordsTable(
        columns,
        rows,
        empty=_("No one has written yet."),
        export="/api/admin/analytics/retention",
        lead=lambda: heading(_("Retention by week")),
    )


def _came_back(cohort: Cohort, number: int) -> str:
    first = cohort.people[0]
    people = cohort.people[number]
    return whole(people) if number == 0 or not first else percent(f"{people / first * 100:.0f}")
