from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """Django's admin with our site as `admin.site`; listed in the place of `django.contrib.admin`."""

    default_site = "shared.identity.admin_site.Site"
