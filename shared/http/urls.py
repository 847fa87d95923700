"""What every web process serves for its operators; the gateway does not route it."""

from shared.http import health, metrics, paths

urlpatterns = [
    *paths.path_either("livez", health.live, name="livez"),
    *paths.path_either("readyz", health.ready, name="readyz"),
    *paths.path_either("metrics", metrics.export, name="metrics"),
]
