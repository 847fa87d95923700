from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("props", "0002_colour")]
    operations = [
        migrations.AddField("prop", "weight", models.IntegerField(null=True)),
        AddIndexConcurrently("prop", models.Index(fields=["weight"], name="prop_weight")),
    ]
