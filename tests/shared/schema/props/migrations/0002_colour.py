from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("props", "0001_initial")]
    operations = [migrations.AddField("prop", "colour", models.CharField(max_length=50, null=True))]
