import os
import shutil

import pytest
from playwright import sync_api

from tests.browser import visitors

pytest_plugins = ["shared.testing.market"]


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium without a window; as root it cannot have a sandbox of its own."""
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=alone)
        yield browser
        browser.close()


@pytest.fixture
def visitor(market, chromium):
    """Somebody at a browser that was never here before: `visitor()`. Whatever it complains of fails the test."""
    everybody = []

    def arrive():
        everybody.append(visitors.Visitor(market, chromium.new_context(base_url=market.url)))
        return everybody[-1]

    yield arrive
    complaints = [complaint for one in everybody for complaint in one.complaints]
    for one in everybody:
        one.leaves()
    assert complaints == []


@pytest.fixture
def horatio(market, visitor):
    """An administrator who is not signed in yet."""
    somebody = visitor()
    somebody.is_made_administrator()
    return somebody


@pytest.fixture
def yorick(visitor):
    """A user like any other, not signed in yet."""
    somebody = visitor()
    somebody.signs_up()
    return somebody
