from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "auth_service.users"
    label = "users"
