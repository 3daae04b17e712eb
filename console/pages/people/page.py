"""The Users page: everybody the fleet knows, and the administrators of the console."""

from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from console.frame import frame, page
from console.pages.memories.open_receipts import open_receipts
from console.pages.people import person_page
from console.pages.people.administrators import administrators
from console.pages.people.list import PeopleList


def register() -> None:
    """Put the page at ``/admin/users``, and one for each person below it."""
    page("/admin/users", title=N_("Users"))(_users)
    person_page.register()


async def _users(principal: Principal) -> None:
    people = PeopleList(principal)
    first = await people.read(principal)
    with frame(principal, title=_("Users & sessions"), path="/admin/users"):
        people.build(first)
        if principal.may(Permission.MANAGE_USERS):
            await open_receipts(principal)
        if principal.may(Permission.MANAGE_ADMINS):
            await administrators(principal)
