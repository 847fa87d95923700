pytest_plugins = ["shared.testing.market", "tests.market.crowd"]
