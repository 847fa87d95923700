from shared.testing import suite

suite.prepare("tickets_service.config.settings", service="tickets")
