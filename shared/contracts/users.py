"""What auth says: people, their sessions, and that the set of signing keys has changed. Only these carry e-mails."""

import datetime as dt
import uuid
from typing import ClassVar

from shared.contracts import events

SOURCE = "/auth"


class UserEvent(events.StateEvent, frozen=True, kw_only=True, rename="camel"):
    SOURCE: ClassVar[str] = SOURCE

    id: uuid.UUID
    email: str | None
    """Null once the account is closed, in what was said before as well: that is rewritten, and `redacted`."""
    roles: tuple[str, ...]
    active: bool
    tokens_valid_after: dt.datetime
    redacted: bool = False

    @property
    def status(self) -> str:
        if self.email is None:
            return "closed"
        return "active" if self.active else "inactive"


class UserRegistered(UserEvent, frozen=True, kw_only=True, rename="camel"):
    """Somebody has signed up."""

    TYPE: ClassVar[str] = "user.registered"


class UserUpdated(UserEvent, frozen=True, kw_only=True, rename="camel"):
    """The user's roles or address have changed."""

    TYPE: ClassVar[str] = "user.updated"


class UserBanned(UserEvent, frozen=True, kw_only=True, rename="camel"):
    """Staff has barred the user: no token issued until now counts any more."""

    TYPE: ClassVar[str] = "user.banned"


class UserReinstated(UserEvent, frozen=True, kw_only=True, rename="camel"):
    """The ban is lifted; tokens from before it stay refused."""

    TYPE: ClassVar[str] = "user.reinstated"


class UserClosed(UserEvent, frozen=True, kw_only=True, rename="camel"):
    """The account is closed and its address erased."""

    TYPE: ClassVar[str] = "user.closed"


class UserSnapshot(UserEvent, frozen=True, kw_only=True, rename="camel"):
    """The whole user as it stands: what older events of the log would have told, or a restored service says anew."""

    TYPE: ClassVar[str] = "user.snapshot"


class SessionRevoked(events.Event, frozen=True, kw_only=True, rename="camel"):
    """One browser is signed out: its tokens are refused for as long as any can be alive."""

    TYPE: ClassVar[str] = "session.revoked"
    SOURCE: ClassVar[str] = SOURCE

    id: uuid.UUID
    user_id: uuid.UUID
    expires_at: dt.datetime


class _SigningKey(events.Event, frozen=True, kw_only=True, rename="camel"):
    """Names a key, never brings one: key material is fetched from auth's own address."""

    SOURCE: ClassVar[str] = SOURCE

    kid: str

    @property
    def subject(self) -> str:
        return self.kid


class SigningKeyPublished(_SigningKey, frozen=True, kw_only=True, rename="camel"):
    """Another key may sign: the set has to be fetched again."""

    TYPE: ClassVar[str] = "signing_key.published"


class SigningKeyRetired(_SigningKey, frozen=True, kw_only=True, rename="camel"):
    """Nothing that this key has signed counts any more."""

    TYPE: ClassVar[str] = "signing_key.retired"


EVENTS = (
    UserRegistered,
    UserUpdated,
    UserBanned,
    UserReinstated,
    UserClosed,
    UserSnapshot,
    SessionRevoked,
    SigningKeyPublished,
    SigningKeyRetired,
)
