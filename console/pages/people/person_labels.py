"""A person in words: what they are at this moment, and where their page is."""

from urllib.parse import quote

from chat_api.core.language import _
from chat_api.people.schemas import PersonView


def person_state(person: PersonView) -> tuple[str, str, str]:
    """Word, tone and icon for what somebody is at this moment."""
    if person.is_banned:
        return _("Banned"), "bad", "offline"
    if person.merged_into:
        return _("Merged"), "violet", "unknown"
    if person.is_guest:
        return _("Guest"), "busy", "users"
    if person.sessions:
        return _("Signed in"), "ok", "online"
    return _("Signed out"), "idle", "unknown"


def person_href(user_id: str) -> str:
    """The page of a person."""
    return f"/admin/users/{quote(user_id, safe='')}"
