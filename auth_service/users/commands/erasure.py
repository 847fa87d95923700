"""Forgetting who somebody was, in auth: the truth, and what was said of it."""

from auth_service.users import models
from shared.contracts import users as events
from shared.identity import erasure
from shared.messaging import outbox


def erase(user: models.User, *, email: str | None) -> None:
    """Erase all that auth keeps of a user, whose row is locked and empty already; `email` was his address.

    What is said of him from now on has none, and what was said earlier is rewritten.
    """
    models.Session.forget_agents(user=user)
    models.ResetRequest.forget(email)
    outbox.redact(aggregate=events.UserClosed.aggregate(), subject=str(user.pk))
    erasure.forget(user_id=user.pk, email=email)
    if email:
        erasure.strike_out(email, model=models.User, column="ban_reason")
