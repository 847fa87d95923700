import django.db.models.expressions
import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tickets', '0001_initial'),
    ]

    operations = [
        # A generated column cannot be altered, only made anew.
        migrations.RemoveIndex(model_name='ticket', name='ticket_cheapest_on_sale'),
        migrations.RemoveField(model_name='ticket', name='price'),
        migrations.AddField(
            model_name='ticket',
            name='price',
            field=models.GeneratedField(db_persist=True, expression=models.Case(models.When(currency__in=['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'], then=django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(models.F('amount_minor'), models.DecimalField(decimal_places=3, max_digits=15)), '/', models.Value(1, output_field=models.DecimalField(decimal_places=3, max_digits=12)))), models.When(currency__in=['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'], then=django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(models.F('amount_minor'), models.DecimalField(decimal_places=3, max_digits=15)), '/', models.Value(1000, output_field=models.DecimalField(decimal_places=3, max_digits=12)))), default=django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(models.F('amount_minor'), models.DecimalField(decimal_places=3, max_digits=15)), '/', models.Value(100, output_field=models.DecimalField(decimal_places=3, max_digits=12))), output_field=models.DecimalField(decimal_places=3, max_digits=12)), output_field=models.DecimalField(decimal_places=3, max_digits=12)),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(
                condition=models.Q(('status', 'on_sale')), fields=['price', 'id'], name='ticket_cheapest_on_sale'
            ),
        ),
    ]
