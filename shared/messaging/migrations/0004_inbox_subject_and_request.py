from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # The tables are the largest there are, and written to all the time.
    atomic = False

    dependencies = [
        ('messaging', '0003_log_announced_to'),
    ]

    operations = [
        migrations.AddField(
            model_name='inboxevent',
            name='subject',
            field=models.CharField(db_default='', max_length=100),
        ),
        migrations.AddField(
            model_name='inboxevent',
            name='request_id',
            field=models.CharField(max_length=64, null=True),
        ),
        AddIndexConcurrently(
            model_name='inboxevent',
            index=models.Index(fields=['subject'], name='inbox_subject'),
        ),
        AddIndexConcurrently(
            model_name='inboxevent',
            index=models.Index(condition=models.Q(('request_id__isnull', False)), fields=['request_id'], name='inbox_request'),
        ),
        AddIndexConcurrently(
            model_name='outboxevent',
            index=models.Index(condition=models.Q(('request_id__isnull', False)), fields=['request_id'], name='outbox_request'),
        ),
    ]
