"""What may be asked of auth, by noun; callers say `commands.sign_in(…)`."""

from auth_service.users.commands.accounts import close_account, close_user, register_user
from auth_service.users.commands.credentials import (
    change_password,
    request_email_verification,
    request_password_reset,
    reset_password,
    verify_email,
)
from auth_service.users.commands.keys import (
    StandbyTooNew,
    ensure_signing_key,
    revoke_signing_key,
    rotate_signing_key,
    tend_signing_keys,
)
from auth_service.users.commands.mail import answer_reset_requests, forget_mail, send_mail
from auth_service.users.commands.people import LastAdmin
from auth_service.users.commands.service_credentials import (
    UnknownCredential,
    UnknownService,
    add_service_credential,
    retire_service_credential,
)
from auth_service.users.commands.sessions import (
    Granted,
    InvalidCredentials,
    InvalidRefreshToken,
    UnknownSession,
    end_session,
    end_sessions,
    refresh_session,
    resume_session,
    sign_in,
    sign_out,
)
from auth_service.users.commands.staff import (
    AdminsOnly,
    NotAnyMore,
    OwnBan,
    OwnRoles,
    ban_user,
    make_staff,
    reinstate_user,
    set_roles,
)
from auth_service.users.models import UnknownUser

__all__ = [
    "AdminsOnly",
    "Granted",
    "InvalidCredentials",
    "InvalidRefreshToken",
    "LastAdmin",
    "NotAnyMore",
    "OwnBan",
    "OwnRoles",
    "StandbyTooNew",
    "UnknownCredential",
    "UnknownService",
    "UnknownSession",
    "UnknownUser",
    "add_service_credential",
    "answer_reset_requests",
    "ban_user",
    "change_password",
    "close_account",
    "close_user",
    "end_session",
    "end_sessions",
    "ensure_signing_key",
    "forget_mail",
    "make_staff",
    "refresh_session",
    "register_user",
    "reinstate_user",
    "request_email_verification",
    "request_password_reset",
    "reset_password",
    "resume_session",
    "retire_service_credential",
    "revoke_signing_key",
    "rotate_signing_key",
    "send_mail",
    "set_roles",
    "sign_in",
    "sign_out",
    "tend_signing_keys",
    "verify_email",
]
