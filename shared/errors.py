"""What can go wrong in the domain, by kind. Each rule raises its own subclass, which lives beside the rule.

The kind decides the HTTP status, in one place (`shared.http.problems`); the subclass says what could not be done.
"""

from typing import ClassVar


class DomainError(Exception):
    """Something that was asked for and may not happen.

    `code` is stable and for programs, `detail` is a sentence for people, `field` names the member of the request
    (as the client wrote it) that is to blame, if one is.
    """

    status: ClassVar[int]
    code: ClassVar[str] = "refused"
    detail: ClassVar[str] = "This cannot be done."

    def __init__(self, detail: str = "", *, field: str | None = None) -> None:
        self.message = detail or self.detail
        self.field = field
        super().__init__(self.message)


class Invalid(DomainError):
    status = 400
    code = "invalid"


class Unauthenticated(DomainError):
    """No credentials, or none that prove anything."""

    status = 401
    code = "not_authenticated"
    detail = "Sign in first."


class Declined(DomainError):
    """The payment provider said no."""

    status = 402
    code = "declined"


class Forbidden(DomainError):
    status = 403
    code = "forbidden"
    detail = "You are not allowed to do this."


class NotFound(DomainError):
    status = 404
    code = "not_found"
    detail = "Not found."


class Conflict(DomainError):
    """The state forbids it; the same request may succeed at another time."""

    status = 409
    code = "conflict"


class Unprocessable(DomainError):
    """Well-formed, and at odds with what the same client has said before."""

    status = 422
    code = "unprocessable"


class TooMany(DomainError):
    """A limit was reached; `retry_after` is in seconds."""

    status = 429
    code = "too_many_requests"
    detail = "Too many requests."

    def __init__(self, detail: str = "", *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """Something this service needs is away for the moment; `retry_after` is in seconds."""

    status = 503
    code = "unavailable"
    detail = "The service cannot answer at the moment."

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
