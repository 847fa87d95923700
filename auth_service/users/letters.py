"""How a mail reads: plain text, with a link to a page of the public origin where there is something to do."""

from urllib.parse import quote

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from auth_service.users import models

SUBJECTS = {
    models.Kind.PASSWORD_RESET: "Choose a new password",
    models.Kind.EMAIL_VERIFICATION: "Is this your address?",
    models.Kind.PASSWORD_CHANGED: "Your password was changed",
}
PAGES = {
    models.Purpose.PASSWORD_RESET: "/account/reset",
    models.Purpose.EMAIL_VERIFICATION: "/account/verify",
}


def write(mail: models.Mail) -> EmailMessage:
    """The mail as it is to be sent; its user has an address."""
    context = {"origin": settings.PUBLIC_ORIGIN, "link": _link(mail.token) if mail.token else ""}
    text = render_to_string(f"users/mail/{mail.kind}.txt", context)
    # A name of its own, so that who receives it twice can tell.
    headers = {"Message-ID": f"<{mail.pk}@admit-one>", "Auto-Submitted": "auto-generated"}
    subject = f"{SUBJECTS[models.Kind(mail.kind)]} | Admit One"
    return EmailMessage(subject, text, to=[str(mail.user.email)], headers=headers)


def _link(token: models.OneTimeToken) -> str:
    page = PAGES[models.Purpose(token.purpose)]
    return f"{settings.PUBLIC_ORIGIN}{page}?token={quote(token.text())}"
