from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_sandbox_books_are_append_only")]

    operations = [
        migrations.AddField("payment", "request_id", models.CharField(blank=True, editable=False, max_length=64, null=True)),
        migrations.AddField("payment", "traceparent", models.CharField(blank=True, editable=False, max_length=55, null=True)),
    ]
