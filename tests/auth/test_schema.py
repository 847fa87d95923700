import io

import pytest
from django.core.management import call_command


class TestTheSchema:
    def test_is_complete_and_without_a_warning(self):
        out = io.StringIO()

        call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)

        assert '"/api/users/signup"' in out.getvalue()
        assert '"/api/users/signup/"' not in out.getvalue()

    @pytest.mark.parametrize("path", ["/api/users/schema", "/api/users/schema/"])
    def test_is_there_for_anyone(self, elsinore, path):
        response = elsinore.client().get(path)

        assert response.status_code == 200
        assert response.json()["openapi"].startswith("3.1")


class TestTheMachinery:
    @pytest.mark.parametrize(
        "command", [["check", "--fail-level", "WARNING"], ["makemigrations", "--check", "--dry-run"]]
    )
    @pytest.mark.django_db
    def test_has_nothing_to_complain_of(self, command):
        call_command(*command, stdout=io.StringIO())
