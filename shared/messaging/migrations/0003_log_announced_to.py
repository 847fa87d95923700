from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0002_replay'),
    ]

    operations = [
        migrations.AddField(
            model_name='log',
            name='announced_to',
            field=models.UUIDField(null=True),
        ),
    ]
