"""People at a real browser, who see what it shows and click what is there."""

import itertools
import os
import subprocess
import sys
import uuid

import httpx

from deploy.local import homes

PASSWORD = "alas poor yorick"
_numbers = itertools.count(1)


class Visitor:
    def __init__(self, market, context):
        self.market, self.context = market, context
        self.page = context.new_page()
        self.email = f"visitor.{next(_numbers)}.{uuid.uuid4().hex[:12]}@example.com"
        self.complaints = []
        self.page.on("console", self._hears)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def signs_up(self):
        """An account, made elsewhere: this browser knows nothing of it."""
        answer = httpx.post(f"{self.market.url}/api/users/signup", json=self.credentials, timeout=15)
        assert answer.status_code == 201, answer.text

    def is_made_administrator(self):
        """An account that whoever runs the machine has made."""
        self._manage("make_staff", self.email)

    @property
    def credentials(self):
        return {"email": self.email, "password": PASSWORD}

    def opens(self, path):
        """Go there by typing the address. The answer that the browser ended at."""
        return self.page.goto(path)

    def signs_in(self):
        """Fill in the form that is shown."""
        self.page.fill("input[name=email]", self.email)
        self.page.fill("input[name=password]", PASSWORD)
        with self.page.expect_navigation():
            self.page.click("input[type=submit]")

    def clicks(self, text):
        with self.page.expect_navigation():
            self.page.click(f"text={text}")

    @property
    def place(self):
        """The path that the address bar shows."""
        return self.page.url.removeprefix(self.market.url)

    @property
    def cookies(self):
        return {cookie["name"]: cookie for cookie in self.context.cookies()}

    def forgets(self, name):
        """As if the cookie had expired."""
        self.context.clear_cookies(name=name)

    def leaves(self):
        self.context.close()

    def _hears(self, message):
        # A refused page is no defect of the page; what the policy forbids or a script breaks is.
        if message.type == "error" and "the server responded with a status of" not in message.text:
            self.complaints.append(message.text)

    def _manage(self, *arguments):
        environment = {**os.environ, **self.market.environment("auth"), "STAFF_PASSWORD": PASSWORD}
        line = [sys.executable, "auth_service/manage.py", *arguments]
        done = subprocess.run(line, cwd=homes.ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
