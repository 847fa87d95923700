from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("shared.http.urls")),
    path("", include("encore_service.encores.urls")),
    path("admin/encore/", admin.site.urls),
]

handler400 = "shared.http.problems.bad_request"
handler403 = "shared.http.problems.forbidden"
handler404 = "shared.http.problems.not_found"
handler500 = "shared.http.problems.server_error"
