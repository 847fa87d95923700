"""Somebody of the staff in a browser, at the pages of a service's admin."""

import html
import re
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.admin import helpers
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.test import Client

from shared.identity import actions
from shared.testing import callers

ROLES = ("support", "moderator", "finance", "admin")


class Browser:
    """A client that has signed in; paths are those below `/admin/<service>/`."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def look(self, path: str, **query: str) -> str:
        """What one reads on a page. Raises AssertionError where there is none."""
        response = self.client.get(_path(path), query)
        assert response.status_code == 200, (path, response.status_code)
        return text_of(response)

    def look_at(self, row: Model) -> str:
        """The page of one row."""
        return self.look(f"{_of(type(row))}{row.pk}/change/")

    def history_of(self, row: Model) -> str:
        return self.look(f"{_of(type(row))}{row.pk}/history/")

    def ask(self, action: str, *rows: Model, follow: bool = True, **fields: Any) -> Any:
        """Choose an action on the list of the rows' kind; the answer, or where it leads."""
        chosen = {helpers.ACTION_CHECKBOX_NAME: [row.pk for row in rows], "action": action}
        return self.client.post(_path(_of(type(rows[0]))), {**chosen, **fields}, follow=follow)

    def offered(self, row: Model) -> set[str]:
        """The actions that the page of a row has buttons for."""
        return set(re.findall(r'<button [^>]*name="action" value="(\w+)"', self.look_at(row)))


def browser_of(issuer: Any, *roles: str, user_id: uuid.UUID | None = None) -> Browser:
    """The browser of somebody with these roles, of whom the service has heard."""
    caller = callers.Caller(issuer, user_id=user_id).is_known(roles=roles)
    issuer.sign_in(caller.client, user_id=caller.id, roles=list(roles))
    return Browser(caller.client)


def deeds() -> list[tuple[str, str, str]]:
    """(what, why, to which row) of all that the log of actions tells, oldest first."""
    entries: Iterable[LogEntry] = LogEntry.objects.order_by("id")
    return [(actions.read(entry).what, actions.read(entry).reason, str(entry.object_id)) for entry in entries]


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


def _of(model: type[Model]) -> str:
    return f"{model._meta.app_label}/{model._meta.model_name}/"


def _path(path: str) -> str:
    return f"/admin/{settings.SERVICE}/{path}"
