"""A WSGI application without Django, for tests of the server alone: it starts at once."""

import os
import pathlib
import threading
import time


def application(environ, start_response):
    """`/` answers soon; `/0.5` makes the file `reached` in the folder LOBBY and answers half a second later; `/forever`
    makes it and does not answer.
    """
    wish = environ["PATH_INFO"].strip("/")
    if wish:
        (pathlib.Path(os.environ["LOBBY"]) / "reached").touch()
    if wish == "forever":
        threading.Event().wait()
    time.sleep(float(wish or 0.005))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "8")])
    return [b"welcome\n"]
