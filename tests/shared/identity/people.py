"""Events about Ophelia, as auth says them."""

import datetime as dt
import uuid

from shared.contracts import users
from shared.identity import models

OPHELIA = uuid.UUID("01890000-0000-7000-8000-0000000000aa")
NOW = dt.datetime.now(dt.UTC)


def event(kind=users.UserRegistered, **members):
    usual = {
        "id": OPHELIA,
        "email": "ophelia@elsinore.dk",
        "roles": (),
        "active": True,
        "tokens_valid_after": models.ALWAYS,
        "version": 0,
    }
    return kind(**{**usual, **members})


def banned(**members):
    return event(users.UserBanned, active=False, **{"tokens_valid_after": NOW, "version": 1, **members})
