from django.db import migrations

FORBID = """
CREATE FUNCTION payments_sandbox_books_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the books of the sandbox provider are only ever added to';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_sandboxentry
    FOR EACH ROW EXECUTE FUNCTION payments_sandbox_books_are_append_only();
"""
ALLOW = """
DROP TRIGGER append_only ON payments_sandboxentry;
DROP FUNCTION payments_sandbox_books_are_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
