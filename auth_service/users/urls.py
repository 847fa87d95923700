from django.urls import path

from auth_service.users import pages, views
from shared.http import openapi, paths

urlpatterns = [
    *openapi.schema_paths("api/users/schema"),
    *paths.path_either("api/users/signup", views.SignUp.as_view(), name="signup"),
    *paths.path_either("api/users/signin", views.SignIn.as_view(), name="signin"),
    *paths.path_either("api/users/signout", views.SignOut.as_view(), name="signout"),
    *paths.path_either("api/users/currentuser", views.CurrentUser.as_view(), name="currentuser"),
    *paths.path_either("api/users/refresh", views.Refresh.as_view(), name="refresh"),
    path(".well-known/jwks.json", views.KeySet.as_view(), name="jwks"),
    *paths.path_either("admin", pages.home, name="home"),
    *paths.path_either("admin/signout", pages.sign_out, name="admin-signout"),
]
