"""A service with one view for anyone, one for users, one for staff, and an admin."""

from django.contrib import admin
from django.urls import path
from rest_framework import views
from rest_framework.response import Response

from shared.identity import admin_site, permissions


class Anyone(views.APIView):
    permission_classes = [permissions.Anyone]

    def get(self, request):
        return Response({"who": str(request.auth.user_id) if request.auth else None})

    post = get


class Users(Anyone):
    permission_classes = [permissions.IsUser]


class Staff(Anyone):
    permission_classes = [permissions.HasRole("support", "admin")]


urlpatterns = [
    path("anyone", Anyone.as_view()),
    path("users", Users.as_view()),
    path("staff", Staff.as_view()),
    path("readyz", Anyone.as_view()),
    path("admin/orders/", admin_site.site.urls),
]

assert admin.site is not None
