"""Words for what an action costs: how many people it hits, and how long it takes."""


def people_text(count: int, *, to: str = "it") -> str:
    """Who is talking right now, e.g. "2 people are talking to it right now."."""
    if count == 0:
        return f"No one is talking to {to} right now."
    return f"{'1 person is' if count == 1 else f'{count} people are'} talking to {to} right now."


def about(seconds: float) -> str:
    """A duration as one would say it: "about 40 s", "about 5 min"."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
