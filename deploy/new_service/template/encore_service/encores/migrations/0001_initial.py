from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Ticket',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('user_id', models.UUIDField(verbose_name='seller')),
                ('status', models.CharField(max_length=9)),
                ('order_id', models.UUIDField(null=True)),
                ('title', models.CharField(max_length=200)),
                ('venue', models.CharField(max_length=200)),
                ('starts_at', models.DateTimeField(null=True)),
                ('amount_minor', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('version', models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('user_id', models.UUIDField(verbose_name='buyer')),
                ('status', models.CharField(max_length=16)),
                ('ticket_id', models.UUIDField()),
                ('ticket_title', models.CharField(max_length=200)),
                ('amount_minor', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('payment_id', models.UUIDField(null=True)),
                ('version', models.PositiveIntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['user_id', '-created_at', '-id'], name='order_newest_of_buyer')],
            },
        ),
    ]
