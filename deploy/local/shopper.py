"""Somebody who uses the market through its API and does not give up at the first broken connection."""

import dataclasses
import ssl
import time
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

PATIENCE = 30.0
"""Seconds after which what still fails has failed."""
_AGAIN = 0.25
_OVER = ("cancelled", "expired", "refunded")
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)


class Failed(Exception):
    """The market gave no usable answer within PATIENCE."""


class Refused(Exception):
    """The market said no, and why; `status` is the answer's."""

    def __init__(self, said: str, *, status: int) -> None:
        self.status = status
        super().__init__(said)


@dataclasses.dataclass
class Shopper:
    """One user with a client of his own; every write carries an Idempotency-Key: a repeat does nothing twice."""

    url: str
    email: str
    password: str
    trust: ssl.SSLContext | bool = True
    """By what to know an https gateway."""

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.url, timeout=_TIMEOUT, verify=self.trust)
        self.id = ""

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def sign_up_or_in(self) -> None:
        """Be somebody: signs up, or in when the e-mail is known already. Raises Failed or Refused."""
        body = {"email": self.email, "password": self.password}
        answer = self._persist("POST", "/api/users/signup", body)
        if answer.status_code == 400:
            answer = self._persist("POST", "/api/users/signin", body)
        self.id = _accepted(answer)["id"]

    def post(self, path: str, body: Mapping[str, Any], *, patience: float = PATIENCE) -> dict[str, Any]:
        """Make something, once, however often it has to be asked. Raises Failed or Refused."""
        made: dict[str, Any] = _accepted(self._persist("POST", path, body, patience=patience))
        return made

    def get(self, path: str, *, patience: float = PATIENCE) -> Any:
        """Read something. Raises Failed or Refused."""
        return _accepted(self._persist("GET", path, None, patience=patience))

    def post_known(self, path: str, body: Mapping[str, Any], *, unknown: tuple[int, ...] = (404,)) -> dict[str, Any]:
        """Like `post`, about something so new that this service may not have heard of it yet: asks again while the
        answer is one of `unknown`, each time under a new key, because a decided answer is remembered under the old one.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.post(path, body, patience=deadline - time.monotonic())
            except Refused as refused:
                if refused.status not in unknown or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def wait_for(self, path: str, *, status: str, patience: float = PATIENCE) -> dict[str, Any]:
        """The thing at `path` once its status is `status`. Raises Refused when it ended otherwise, Failed when it takes
        longer than `patience` seconds.
        """
        deadline = time.monotonic() + patience
        pause = 0.02
        while (thing := self.get(path, patience=deadline - time.monotonic()))["status"] != status:
            if thing["status"] in _OVER:
                raise Refused(f"{path} is {thing['status']}, not {status}", status=200)
            if time.monotonic() > deadline:
                raise Failed(f"{path} is still {thing['status']}, not {status}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.25)
        result: dict[str, Any] = thing
        return result

    def _persist(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, patience: float = PATIENCE
    ) -> httpx.Response:
        """The first answer that is one: resets, 5xx, 429 and "the first is still running" are asked again."""
        headers = {} if body is None else {"Idempotency-Key": uuid.uuid4().hex}
        deadline = time.monotonic() + patience
        said = ""
        while True:
            try:
                answer = self._http.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                said = f"{type(error).__name__}: {error}"
            else:
                if not _is_temporary(answer):
                    return answer
                said = f"{answer.status_code} {answer.text[:200]}"
            if time.monotonic() + _AGAIN > deadline:
                raise Failed(f"{method} {path}: {said}")
            time.sleep(_AGAIN)


def _is_temporary(answer: httpx.Response) -> bool:
    if answer.status_code >= 500 or answer.status_code == 429:
        return True
    return answer.status_code == 409 and any(error.get("code") in _RUNNING for error in _errors(answer))


_RUNNING = ("still_running",)


def _errors(answer: httpx.Response) -> list[dict[str, Any]]:
    try:
        errors = answer.json().get("errors", [])
    except ValueError:
        return []
    return errors if isinstance(errors, list) else []


def _accepted(answer: httpx.Response) -> Any:
    if not answer.is_success:
        request = answer.request
        said = f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}"
        raise Refused(said, status=answer.status_code)
    return answer.json()
