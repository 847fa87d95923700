from django.db import migrations, models


def tell_which_key_signs(apps, schema_editor):
    """The latest in force signs, those before it are over with its beginning; a standby is made by the first sweep."""
    SigningKey = apps.get_model('users', 'SigningKey')
    SigningKey.objects.filter(retired_at__isnull=False).update(status='retired', sealed=b'')
    current, *previous = SigningKey.objects.filter(retired_at=None).order_by('-active_from') or [None]
    for key in previous:
        key.status, key.superseded_at, key.sealed = 'previous', current.active_from, b''
        key.save()
    if current is not None:
        current.status = 'current'
        current.save()


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='signingkey',
            name='status',
            field=models.CharField(choices=[('standby', 'Standby'), ('current', 'Current'), ('previous', 'Previous'), ('retired', 'Retired')], default='standby', max_length=8),
        ),
        migrations.AddField(
            model_name='signingkey',
            name='superseded_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='signingkey',
            name='active_from',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(tell_which_key_signs, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='signingkey',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ('standby', 'current'))), fields=('status',), name='one_current_key_and_one_standby'),
        ),
        migrations.AddConstraint(
            model_name='signingkey',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('standby', 'current')), ('sealed', b''), _connector='OR'), name='only_keys_that_may_sign_are_private'),
        ),
    ]
