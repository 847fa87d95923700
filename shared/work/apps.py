from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "shared.work"
    label = "work"
