"""What the doors of signing in take and give."""

from datetime import datetime
from typing import Literal

from pydantic import Field, StrictStr

from chat_api.http.base_models import Answer, Body

Role = Literal["viewer", "operator", "admin"]


class LoginBody(Body):
    """Sign in by name."""

    username: StrictStr = Field(min_length=3, max_length=30, examples=["alice"])
    display_name: StrictStr | None = Field(None, max_length=50, examples=["Alice"])
    password: StrictStr | None = Field(
        None,
        min_length=8,
        max_length=200,
        description="Keeps a new name for you; opens a kept one.",
        examples=["a password of yours"],
    )


class LoginAnswer(Answer):
    """A new session."""

    session_token: str
    user_id: str = Field(examples=["weu_3f9c1e77a0b2d415"])
    username: str
    display_name: str
    is_guest: bool = Field(description="The name belongs to somebody else: you are a guest under it.")
    expires_at: datetime


class AdminLoginBody(Body):
    """Sign in at the console."""

    username: StrictStr = Field(min_length=1, max_length=30, examples=["admin"])
    password: StrictStr = Field(min_length=1, max_length=200, examples=["a password of yours"])
    totp: StrictStr | None = Field(
        None, max_length=10, description="The code of an authenticator, where one is set.", examples=["492039"]
    )


class AdminLoginAnswer(Answer):
    """A new session of an administrator."""

    admin_token: str
    username: str
    role: Role
    expires_at: datetime


class AdminSetupBody(Body):
    """Make the first administrator."""

    code: StrictStr = Field(
        min_length=1,
        max_length=64,
        description="The one-time code printed at the first start.",
        examples=["9f86d081884c7d65"],
    )
    username: StrictStr = Field(min_length=3, max_length=30, examples=["admin"])
    password: StrictStr = Field(min_length=10, max_length=200, examples=["a password of yours"])


class Me(Answer):
    """Who is signed in."""

    user_id: str
    username: str
    display_name: str
    is_guest: bool
    is_admin: bool
    role: Role | None = None


class TicketAnswer(Answer):
    """A way to open one WebSocket."""

    ticket: str = Field(description="Takes the token's place in `/ws/{token}`, once.")
    expires_in: int = Field(description="Seconds.", examples=[60])
