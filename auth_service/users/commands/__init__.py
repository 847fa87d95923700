"""What may be asked of auth, by noun; callers say `commands.sign_in(…)`."""

from auth_service.users.commands.accounts import close_user, register_user
from auth_service.users.commands.keys import (
    StandbyTooNew,
    ensure_signing_key,
    revoke_signing_key,
    rotate_signing_key,
    tend_signing_keys,
)
from auth_service.users.commands.people import UnknownUser
from auth_service.users.commands.sessions import (
    Granted,
    InvalidCredentials,
    InvalidRefreshToken,
    refresh_session,
    sign_in,
    sign_out,
)
from auth_service.users.commands.staff import LastAdmin, OwnRoles, ban_user, make_staff, reinstate_user, set_roles

__all__ = [
    "Granted",
    "InvalidCredentials",
    "InvalidRefreshToken",
    "LastAdmin",
    "OwnRoles",
    "StandbyTooNew",
    "UnknownUser",
    "ban_user",
    "close_user",
    "ensure_signing_key",
    "make_staff",
    "refresh_session",
    "register_user",
    "reinstate_user",
    "revoke_signing_key",
    "rotate_signing_key",
    "set_roles",
    "sign_in",
    "sign_out",
    "tend_signing_keys",
]
