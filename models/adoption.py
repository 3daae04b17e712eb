"""Containers that an administrator adopted: the console may start, stop and restart them."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebAdoptedContainer(SQLModel, table=True):
    """One container or Swarm service, by its name in the engine.

    ``project`` is the compose project that it belonged to: another project's container of that name is not adopted.
    """

    __tablename__ = "web_adopted_containers"

    name: str = Field(primary_key=True, max_length=255)
    project: str = Field(default="", max_length=255, sa_column_kwargs={"server_default": ""})
    adopted_at: datetime = timestamptz()
    adopted_by: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": ""})
