"""What is true in auth: of people, their sessions, the keys that sign for them, and the services that ask."""

from auth_service.users.models.credentials import NotValid, ServiceCredential, TooManyCredentials, WeakSecret
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
from auth_service.users.models.sessions import Session, read_refresh_token

__all__ = [
    "ROLES",
    "EmailInUse",
    "InvalidLink",
    "Kind",
    "Mail",
    "NotActive",
    "NotBanned",
    "NotValid",
    "OneTimeToken",
    "Purpose",
    "ResetRequest",
    "ServiceCredential",
    "Session",
    "SigningKey",
    "TooManyCredentials",
    "UnknownKey",
    "UnknownRole",
    "UnknownUser",
    "User",
    "UserQuerySet",
    "WeakSecret",
    "WrongKeyState",
    "read_refresh_token",
]
