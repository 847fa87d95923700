from django.apps import AppConfig


class HttpConfig(AppConfig):
    name = "shared.http"
    label = "http"

    def ready(self) -> None:
        from shared.http import openapi  # noqa: F401 - drf-spectacular finds its extensions once they are imported
