"""Who may do what with accounts: every route, method and role. To auth, buyers and sellers are just people."""

import urllib.parse

import pytest
from django.db import transaction

from auth_service.users import commands, models
from shared import clock, ids
from shared.identity import actions
from shared.identity import models as identity
from shared.testing import access, callers, cast
from tests.auth import world

ANOTHER = "words-words-words"

TABLE = access.Table(
    """
                                                anonymous buyer seller other support moderator finance admin banned
GET    .well-known/jwks.json                          200   200    200   200     200       200     200   200    401
POST   api/users/signup                               201   201    201   201     201       201     201   201    401
POST   api/users/signin                               200   200    200   200     200       200     200   200    401
POST   api/users/signout                              200   200    200   200     200       200     200   200    401
POST   api/users/refresh                              200   200    200   200     200       200     200   200    401
GET    api/users/currentuser                          200   200    200   200     200       200     200   200    401
GET    api/users/resume                               303   303    303   303     303       303     303   303    401
DELETE api/users/me                                   401   204    204   204     204       204     204   409    401
GET    api/users/sessions                             401   200    200   200     200       200     200   200    401
DELETE api/users/sessions                             401   204    204   204     204       204     204   204    401
DELETE api/users/sessions/<str:session_id>            401   204    204   204     204       204     204   204    401
DELETE api/users/sessions/<str:session_id> [another's]
                                                      401   404    404   404     404       404     404   404    401
POST   api/users/password                             401   204    204   204     204       204     204   204    401
POST   api/users/password-reset                       202   202    202   202     202       202     202   202    401
POST   api/users/password-reset/confirm               204   204    204   204     204       204     204   204    401
POST   api/users/email-verification                   401   202    202   202     202       202     202   202    401
POST   api/users/email-verification/confirm           204   204    204   204     204       204     204   204    401
GET    account/forgot                                 200   200    200   200     200       200     200   200    401
POST   account/forgot                                 200   200    200   200     200       200     200   200    401
GET    account/reset                                  200   200    200   200     200       200     200   200    401
POST   account/reset                                  200   200    200   200     200       200     200   200    401
GET    account/verify                                 200   200    200   200     200       200     200   200    401
POST   account/verify                                 200   200    200   200     200       200     200   200    401
GET    api/users                                      401   403    403   403     200       200     200   200    401
GET    api/users/<str:user_id>                        401   403    403   403     200       200     200   200    401
POST   api/users/<str:user_id>/ban                    401   403    403   403     403       204     403   204    401
POST   api/users/<str:user_id>/ban [an admin]         401   403    403   403     403       403     403   204    401
POST   api/users/<str:user_id>/ban [oneself]          401   403    403   403     403       403     403   403    401
DELETE api/users/<str:user_id>/ban [banned]           401   403    403   403     403       204     403   204    401
DELETE api/users/<str:user_id>/ban [a banned admin]   401   403    403   403     403       403     403   204    401
PUT    api/users/<str:user_id>/roles                  401   403    403   403     403       403     403   200    401
PUT    api/users/<str:user_id>/roles [oneself]        401   403    403   403     403       403     403   403    401
GET    admin                                          200   200    200   200     200       200     200   200    401
POST   admin                                          303   303    303   303     303       303     303   303    401
POST   internal/introspect                            401   401    401   401     401       401     401   401    401
GET    internal/assertion/<str:service>               204   204    204   204     204       204     204   204    401
""",
    service="auth",
    noun="users",
)


class Cast(cast.Cast):
    """People with accounts, who have signed in."""

    def __init__(self):
        self._granted = {}

    def __getitem__(self, role):
        caller = callers.Caller()
        if role == access.BANNED_BY_COOKIE:
            caller.client.cookies["access_token"] = self._of("banned").access
        elif role != "anonymous":
            caller.bearer = {"Authorization": f"Bearer {self._of(role).access}"}
        return caller

    def id(self, role):
        return self._of(role).user.pk

    def _of(self, role):
        if role not in self._granted:
            granted = self._granted[role] = register(role)
            if role in identity.STAFF_ROLES:
                commands.set_roles(user_id=granted.user.pk, roles=[role], by=None)
            if role == "banned":
                commands.ban_user(user_id=granted.user.pk, now=clock.now())
        return self._granted[role]


class Scene(cast.Scene):
    """Somebody whom the row is about; the body of a request is whatever its route wants."""

    own = {
        "admin.logentry": lambda: deed(register().user),
        "users.user": lambda: register().user,
        "users.session": lambda: models.Session.objects.get(user=register().user),
        "users.mail": lambda: models.Mail.objects.get(user=register().user),
        "users.signingkey": lambda: models.SigningKey.objects.first(),
    }

    def set(self, row, role):
        if row.route.startswith("admin/"):
            return {}, {}  # about what `own` makes
        somebody = register()
        if "admin" in row.state:
            commands.set_roles(user_id=somebody.user.pk, roles=["admin"], by=None)
        if "banned" in row.state:
            commands.ban_user(user_id=somebody.user.pk, now=clock.now())
        oneself = row.state == "oneself" and role in identity.STAFF_ROLES
        ids = {"user_id": self.cast.id(role) if oneself else somebody.user.pk, "service": "orders"}
        owner = somebody.user.pk if row.state or role == "anonymous" else self.cast.id(role.removesuffix(" by cookie"))
        ids["session_id"] = models.Session.objects.filter(user=owner).values_list("pk", flat=True).first()
        return ids, self._body(row.route, somebody)

    def _body(self, route, somebody):
        credentials = {"email": somebody.user.email, "password": world.PASSWORD}
        purpose = "password_reset" if "reset" in route else "email_verification"
        token = models.OneTimeToken.issue(user=somebody.user, purpose=purpose, now=clock.now()).text()
        return {
            "api/users/signup": {**credentials, "email": f"{ids.new()}@elsinore.dk"},
            "api/users/signin": credentials,
            "api/users/refresh": {"refresh": somebody.refresh},
            "api/users/resume": form(next="/admin/orders/"),
            "api/users/me": {"password": world.PASSWORD},
            "api/users/password": {"currentPassword": world.PASSWORD, "newPassword": ANOTHER},
            "api/users/password-reset": {"email": somebody.user.email},
            "api/users/password-reset/confirm": {"token": token, "password": ANOTHER},
            "api/users/email-verification/confirm": {"token": token},
            "api/users/<str:user_id>/roles": {"roles": ["support"]},
            "account/forgot": form(email=somebody.user.email),
            "account/reset": form(token=token, password=ANOTHER),
            "account/verify": form(token=token),
            "admin": form(**credentials),
        }.get(route, {})


def form(**fields):
    return urllib.parse.urlencode(fields)


def deed(user):
    with transaction.atomic():
        return actions.record(by=user, target=user, what="looked at")


def register(name=None):
    address = f"{name or ids.new()}@elsinore.dk"
    return commands.register_user(email=address, password=world.PASSWORD, agent="", now=clock.now())


@pytest.fixture
def scene(elsinore):
    return Scene(Cast())


TestAccess = access.suite(TABLE)
