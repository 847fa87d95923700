"""What is true in auth: of people, their sessions, and the keys that sign for them."""

from auth_service.users.models.keys import SigningKey, UnknownKey, WrongKeyState
from auth_service.users.models.mail import Kind, Mail
from auth_service.users.models.one_time import InvalidLink, OneTimeToken, Purpose
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
from auth_service.users.models.resets import ResetRequest
from auth_service.users.models.sessions import LAST_GRACE, Session, read_refresh_token

__all__ = [
    "LAST_GRACE",
    "ROLES",
    "EmailInUse",
    "InvalidLink",
    "Kind",
    "Mail",
    "NotActive",
    "NotBanned",
    "OneTimeToken",
    "Purpose",
    "ResetRequest",
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
