"""What each part of the messaging process is doing, for /readyz. Written by the part, read by the server."""

import structlog

log = structlog.get_logger(__name__)


class Status:
    """One sentence and whether it is fine. A change is logged, a repetition is not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = "starting"
        self.ready = False

    def says(self, text: str, *, ready: bool = True) -> None:
        if text != self.text:
            (log.info if ready else log.warning)("part changed", part=self.name, status=text)
        self.text, self.ready = text, ready
