from django.urls import include, path

from shared.http import openapi, paths
from tests.shared.http.playhouse import views

urlpatterns = [
    path("", include("shared.http.urls")),
    *openapi.schema_paths("api/schema"),
    *paths.path_either("api/plays", views.Plays.as_view(), name="plays"),
    *paths.path_either("api/plays/<str:play_id>", views.Play.as_view(), name="play"),
    *paths.path_either("api/journeys", views.Journey.as_view(), name="journeys"),
    path("api/other-plays", views.Plays.as_view()),
    path("api/stage-only", views.StageOnly.as_view()),
    path("api/failing/<str:kind>", views.Failing.as_view()),
    path("api/failing-page/<str:kind>", views.failing_page),
    path("api/only-post", views.only_post),
    path("page", views.page),
    path("admin/page", views.page),
    path("api/action", views.action),
    path("api/hold", views.hold),
    path("api/users/signin", views.action),
    path("api/users/signup/", views.action),
]

handler400 = "shared.http.problems.bad_request"
handler403 = "shared.http.problems.forbidden"
handler404 = "shared.http.problems.not_found"
handler500 = "shared.http.problems.server_error"
