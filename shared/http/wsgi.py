"""What gunicorn serves."""

from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class Request(WSGIRequest):
    """Read as UTF-8 (RFC 8259, and what our own forms send), whatever charset its Content-Type names.

    Django would decode the query and forms by it, and fails on codecs such as `hex`, which are no encodings of text.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        self.content_params = {name: value for name, value in params.items() if name != "charset"}


class Application(WSGIHandler):
    request_class = Request


def application() -> Application:
    """The WSGI application of the service whose settings DJANGO_SETTINGS_MODULE names."""
    django.setup(set_prefix=False)
    return Application()
