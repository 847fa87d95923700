from django.apps import AppConfig


class SchemaConfig(AppConfig):
    name = "shared.schema"
    label = "schema"
