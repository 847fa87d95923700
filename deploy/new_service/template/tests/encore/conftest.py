from shared.testing import suite

suite.prepare("encore_service.config.settings", service="encore")

from shared.testing.people import bruno, issuer, nobody, olivia  # noqa: E402, F401 - Django is ready only now
