from django.urls import path

from auth_service.users import account_pages, pages
from auth_service.users.views import accounts, credentials, internal, keys, people, sessions
from shared.http import openapi, paths

urlpatterns = [
    *openapi.schema_paths("api/users/schema"),
    *paths.path_either("api/users/signup", accounts.SignUp.as_view(), name="signup"),
    *paths.path_either("api/users/signin", sessions.SignIn.as_view(), name="signin"),
    *paths.path_either("api/users/signout", sessions.SignOut.as_view(), name="signout"),
    *paths.path_either("api/users/currentuser", sessions.CurrentUser.as_view(), name="currentuser"),
    *paths.path_either("api/users/refresh", sessions.Refresh.as_view(), name="refresh"),
    *paths.path_either("api/users/resume", sessions.Resume.as_view(), name="resume"),
    *paths.path_either("api/users/me", accounts.Me.as_view(), name="me"),
    *paths.path_either("api/users/sessions", sessions.Sessions.as_view(), name="sessions"),
    *paths.path_either("api/users/sessions/<str:session_id>", sessions.Session.as_view(), name="session"),
    *paths.path_either("api/users/password", credentials.Password.as_view(), name="password"),
    *paths.path_either("api/users/password-reset", credentials.PasswordReset.as_view(), name="password-reset"),
    *paths.path_either(
        "api/users/password-reset/confirm",
        credentials.PasswordResetConfirmation.as_view(),
        name="password-reset-confirm",
    ),
    *paths.path_either(
        "api/users/email-verification", credentials.EmailVerification.as_view(), name="email-verification"
    ),
    *paths.path_either(
        "api/users/email-verification/confirm",
        credentials.EmailVerificationConfirmation.as_view(),
        name="email-verification-confirm",
    ),
    *paths.path_either("api/users", people.People.as_view(), name="people"),
    *paths.path_either("api/users/<str:user_id>", people.Person.as_view(), name="person"),
    *paths.path_either("api/users/<str:user_id>/ban", people.Ban.as_view(), name="ban"),
    *paths.path_either("api/users/<str:user_id>/roles", people.Roles.as_view(), name="roles"),
    path(".well-known/jwks.json", keys.KeySet.as_view(), name="jwks"),
    *paths.path_either("account/forgot", account_pages.forgot, name="forgot"),
    *paths.path_either("account/reset", account_pages.reset, name="reset"),
    *paths.path_either("account/verify", account_pages.verify, name="verify"),
    *paths.path_either("internal/introspect", internal.Introspect.as_view(), name="introspect"),
    *paths.path_either("internal/assertion/<str:service>", internal.Assertion.as_view(), name="assertion"),
    *paths.path_either("admin", pages.home, name="home"),
]
