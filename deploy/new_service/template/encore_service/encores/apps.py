from django.apps import AppConfig


class EncoresConfig(AppConfig):
    name = "encore_service.encores"
    label = "encores"
