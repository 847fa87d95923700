from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "shared.identity"
    label = "identity"
