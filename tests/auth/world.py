"""People of Elsinore who sign up, and a verifier that reads their database at every request."""

import base64
import datetime as dt
import json
import re

from django.db import connection
from django.test import Client

from auth_service.users import models, tasks
from shared import clock
from shared.identity import state
from shared.messaging import models as messaging

PASSWORD = "the-rest-is-silence"
HAMLET, OPHELIA = "hamlet@elsinore.dk", "ophelia@elsinore.dk"


class ReadEveryTime(state.Source):
    """Reads the state through the test's own connection, which sees what is not committed yet."""

    def current(self):
        connection.ensure_connection()
        return state.load(connection.connection)


def seen_at_once():
    return state.reading_from(ReadEveryTime())


def client(**headers):
    return Client(headers={"Sec-Fetch-Site": "same-origin", **headers})


def post(who, path, body=None, **headers):
    content = body if isinstance(body, str | bytes) else json.dumps({} if body is None else body)
    return who.post(f"/api/users/{path}", content, content_type="application/json", headers=headers)


def sign_up(email=HAMLET, password=PASSWORD):
    """A browser in which `email` has just signed up."""
    browser = client()
    response = post(browser, "signup", {"email": email, "password": password})
    assert response.status_code == 201, response.content
    return browser


def sign_in(email=HAMLET, password=PASSWORD, browser=None):
    return post(browser or client(), "signin", {"email": email, "password": password})


def current_user(browser):
    response = browser.get("/api/users/currentuser")
    assert response.status_code == 200, response.content
    return response.json()["currentUser"]


def user(email=HAMLET):
    return models.User.with_email(email)


def said(type_=None):
    """The events in the outbox, oldest first."""
    rows = messaging.OutboxEvent.objects.order_by("id")
    return [row for row in rows if type_ is None or row.type == type_]


def messages(response):
    return [error["message"] for error in response.json()["errors"]]


def mails(kind=None, email=HAMLET):
    """What is owed to somebody or was, oldest first."""
    found = models.Mail.objects.filter(user=user(email)).order_by("queued_at", "id")
    return [mail for mail in found if kind is None or mail.kind == kind]


def deliver():
    """What the worker does every second."""
    tasks.send_mail()


def link(mail):
    """The path and the token of the link in a mail that was sent."""
    (found,) = re.findall(r"^http://testserver(/account/\w+)\?token=(\S+)$", mail.body, re.MULTILINE)
    return found


def session(email=HAMLET):
    """The session that `email` started last."""
    return models.Session.objects.filter(user=user(email)).latest("created_at")


def rotated(*, seconds_ago, email=HAMLET):
    """As if the session's last renewal were that long ago."""
    moment = clock.now() - dt.timedelta(seconds=seconds_ago)
    models.Session.objects.filter(pk=session(email).pk).update(rotated_at=moment)


def expired(email=HAMLET):
    models.Session.objects.filter(user=user(email)).update(expires_at=clock.now())


def refresh_token(browser):
    return browser.cookies["refresh_token"].value


def access_claims(browser):
    return read_claims(browser.cookies["access_token"].value)


def read_claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def read_header(token):
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
