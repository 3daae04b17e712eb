"""The form that makes the first administrator."""

import asyncio

from tests.console.test_sign_in_form import WRONG, error_in, form_in
from tests.support.api import ADMIN_PASSWORD, MakeSettings
from tests.support.console_app import running_console


async def test_the_setup_form_makes_the_first_administrator_once(make_settings: MakeSettings) -> None:
    """A wrong code is refused; the right one signs in, and again when the form is sent twice."""
    async with running_console(make_settings()) as console, console.client() as client, console.client() as again:
        assert 'method="post"' in form_in((await client.get("/admin/login")).text)
        form = {"code": "0" * 16, "username": "olivia", "password": ADMIN_PASSWORD}
        wrong = await client.post("/admin/login", data=form)
        assert (wrong.status_code, error_in(wrong)) == (401, "This setup code is not valid.")
        assert "Create the first administrator" in wrong.text
        assert 'value="olivia"' in wrong.text
        assert ADMIN_PASSWORD not in wrong.text
        form["code"] = console.app.state.setup_code
        short = await client.post("/admin/login", data=form | {"password": "short"})
        assert (short.status_code, error_in(short)) == (422, "Password: at least 10 characters")
        answers = await asyncio.gather(*(one.post("/admin/login", data=form) for one in (client, again)))
        assert [(one.status_code, one.headers.get("location")) for one in answers] == [(303, "/admin")] * 2
        async with console.client() as mallory:
            assert (await mallory.post("/admin/login", data=form | {"password": WRONG})).status_code == 401
            taken = await mallory.post("/admin/login", data=form | {"username": "mallory", "password": WRONG})
            assert taken.status_code == 401
