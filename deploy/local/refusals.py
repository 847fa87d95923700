"""What a human is told when something cannot be done: what happened, why, and what to do."""


class Refusal(Exception):
    """Ends the command with exit code 1 and these three sentences instead of a traceback."""

    def __init__(self, what: str, *, why: str = "", do: str = "") -> None:
        self.what, self.why, self.do = what, why, do
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what, self.why and f"  why: {self.why}", self.do and f"  do:  {self.do}"]
        return "\n".join(line for line in lines if line)
