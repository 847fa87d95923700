from shared.testing import suite

suite.prepare("tests.shared.settings", service="shared")
