"""What a service knows of identities, to look at."""

from django.contrib import admin

from shared.identity import admin_site, models


class UserAdmin(admin_site.ReadOnly):
    list_display = ("email", "id", "roles", "active", "tokens_valid_after")
    list_filter = ("active",)
    search_fields = ("email", "id")


class RevokedSessionAdmin(admin_site.ReadOnly):
    list_display = ("id", "user_id", "expires_at")
    search_fields = ("id", "user_id")


class PublicKeyAdmin(admin_site.ReadOnly):
    list_display = ("kid", "retired")


if not models.User._meta.swapped:
    admin.site.register(models.User, UserAdmin)
admin.site.register(models.RevokedSession, RevokedSessionAdmin)
admin.site.register(models.PublicKey, PublicKeyAdmin)
