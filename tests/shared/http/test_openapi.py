import pytest

from shared.http import openapi


@pytest.fixture
def document(nobody, db):
    response = nobody.get("/api/schema")
    assert response.status_code == 200
    return response.json()


class TestDocument:
    def test_is_openapi_3_1(self, document):
        assert document["openapi"].startswith("3.1")

    def test_says_of_every_operation_how_it_refuses(self, document):
        operations = [operation for path in document["paths"].values() for operation in path.values()]

        assert operations
        for operation in operations:
            content = operation["responses"]["default"]["content"]
            assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        assert document["components"]["schemas"]["Problem"] == openapi.PROBLEM

    def test_names_both_ways_to_be_somebody(self, document):
        schemes = document["components"]["securitySchemes"].values()

        assert {"type": "apiKey", "in": "cookie", "name": "access_token"} in schemes
        assert {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"} in schemes

    def test_lists_each_path_once(self, document):
        assert "/api/plays" in document["paths"]
        assert not [path for path in document["paths"] if path.endswith("/")]

    def test_is_served_with_and_without_a_slash(self, nobody, document):
        assert nobody.get("/api/schema/").json() == document
