"""The mutants: for each promise, the one wrong line that would break it, and the smallest check that must see it.

    does     what the mutant does wrong
    file     where, from the root of the repository
    old      the exact text that is replaced, which stands there once
    new      what stands there instead
    check    the test that has to fail
    by       how its failure begins, where it is not an assertion: the exception that a second guard raises
    tries    how often the check is run until it fails: more than once for a race, which may go well by luck

Whoever rewrites one of these lines finds the runner complaining that its text is gone, and brings the mutant along.
"""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of the code that has to be noticed."""

    does: str
    file: str
    old: str
    new: str
    check: str
    by: str = ""
    tries: int = 1

    def applied_to(self, text: str) -> str:
        """The file with the mutant in it. Raises ValueError where what it replaces does not stand there once."""
        if (found := text.count(self.old)) != 1:
            raise ValueError(f"{self.does}: its text stands {found} times in {self.file}, not once: {self.old!r}")
        return text.replace(self.old, self.new)

    @property
    def suite(self) -> str:
        """The folder of tests whose settings the check runs with."""
        return self.check.split("/")[1]

    @property
    def is_of_a_migration(self) -> bool:
        return "/migrations/" in self.file

    @property
    def needs_rabbitmq(self) -> bool:
        return self.check.endswith("[rabbitmq]")
