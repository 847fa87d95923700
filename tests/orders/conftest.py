from shared.testing import suite

suite.prepare("orders_service.config.settings", service="orders")
