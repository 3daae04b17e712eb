"""A person in words: what they are at this moment, and where their page is."""

from urllib.parse import quote

from chat_api.people.schemas import PersonView


def person_state(person: PersonView) -> tuple[str, str, str]:
    """Word, tone and icon for what somebody is at this moment."""
    if person.is_banned:
        return "Banned", "bad", "offline"
    if person.merged_into:
        return "Merged", "violet", "unknown"
    if person.is_guest:
        return "Guest", "busy", "users"
    if person.sessions:
        return "Signed in", "ok", "online"
    return "Away", "idle", "unknown"


def person_href(user_id: str) -> str:
    """The page of a person."""
    return f"/admin/users/{quote(user_id, safe='')}"
