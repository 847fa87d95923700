"""A worker's application with one task that takes as long as a test wants."""

import pathlib

from shared.testing import waiting
from shared.work import application

app = application.make(periods={})


@app.task(name="orders.perform")
def perform(folder):
    """Writes a line to `begun`, waits for the file `opened`, makes the file `done`."""
    place = pathlib.Path(folder)
    with (place / "begun").open("a") as begun:
        begun.write("begun\n")
    waiting.until((place / "opened").exists, seconds=60, what="leave to go on")
    (place / "done").touch()
