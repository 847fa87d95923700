import io

import pytest
from django.test import RequestFactory

from shared.http import wsgi

FORM = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xa5\r\n--x--\r\n'
NO_TEXT = ["hex", "base64", "rot13", "zip"]


def answer(method, path, content_type, body=b""):
    """The status that the application answers with, asked as gunicorn asks it."""
    said = []
    query = {"QUERY_STRING": path.partition("?")[2], "CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    environ = RequestFactory()._base_environ(
        REQUEST_METHOD=method, PATH_INFO=path.partition("?")[0], **query, **{"wsgi.input": io.BytesIO(body)}
    )
    wsgi.Application()(environ, lambda status, _headers: said.append(status))
    return int(said[0].split()[0])


@pytest.mark.parametrize("charset", [*NO_TEXT, "utf-8", "latin-1", "nonsense"])
class TestAContentTypeWithACharset:
    def test_changes_nothing_about_a_query(self, charset):
        plain = answer("GET", "/api/nothing?limit=1", "text/plain")

        assert answer("GET", "/api/nothing?limit=1", f"text/plain; charset={charset}") == plain == 404

    def test_changes_nothing_about_a_form(self, charset):
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        sent = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": len(FORM)}
        request = wsgi.Request(RequestFactory()._base_environ(**sent, **{"wsgi.input": io.BytesIO(FORM)}))

        assert request.POST["a"] == "\u00e5"


def test_control_django_fails_on_what_is_no_encoding_of_text():
    """Else there would be no need of a request class of our own."""
    with pytest.raises(LookupError):
        assert not RequestFactory().get("/x?limit=1", CONTENT_TYPE="text/plain; charset=hex").GET
