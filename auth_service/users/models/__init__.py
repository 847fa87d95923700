"""What is true in auth: of people, their sessions, and the keys that sign for them."""

from auth_service.users.models.keys import SigningKey, UnknownKey, WrongKeyState
from auth_service.users.models.people import (
    ROLES,
    EmailInUse,
    NotActive,
    NotBanned,
    UnknownRole,
    UnknownUser,
    User,
    UserQuerySet,
)
from auth_service.users.models.sessions import LAST_GRACE, Session, read_refresh_token

__all__ = [
    "LAST_GRACE",
    "ROLES",
    "EmailInUse",
    "NotActive",
    "NotBanned",
    "Session",
    "SigningKey",
    "UnknownKey",
    "UnknownRole",
    "UnknownUser",
    "User",
    "UserQuerySet",
    "WrongKeyState",
    "read_refresh_token",
]
