from django.urls import include, path

from shared.identity import admin_site

urlpatterns = [
    path("", include("shared.http.urls")),
    path("", include("auth_service.users.urls")),
    path("admin/auth/", admin_site.site.urls),
]

handler400 = "shared.http.problems.bad_request"
handler403 = "shared.http.problems.forbidden"
handler404 = "shared.http.problems.not_found"
handler500 = "shared.http.problems.server_error"
