#!/usr/bin/env python3
"""Drives the whole market: up, down, status, logs, demo, test, … (`./manage_all.py help` lists them).

Starts from bare Python: makes `.venv`, installs the locked dependencies into it, goes on in there.
"""

import hashlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent
LOCK = ROOT / "requirements" / "dev.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"


def main():
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is where an older Python is told so
        stop(f"Admit One needs Python 3.11 or newer; this is {sys.version.split()[0]}.", "run it with a newer one.")
    if not is_installed():
        install()
    if pathlib.Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(PYTHON, [str(PYTHON), str(ROOT / "manage_all.py"), *sys.argv[1:]])  # noqa: S606 - no shell is meant
    sys.path[0] = str(ROOT)
    # From here on the dependencies are there.
    from deploy.local import cli

    sys.exit(cli.main(sys.argv[1:]))


def wanted():
    """What the stamp in the venv says when it holds exactly what the lock asks for."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def is_installed():
    return STAMP.exists() and STAMP.read_text() == wanted() and works()


def works():
    """Whether the venv's Python runs: it does not when the Python it was made from is gone."""
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], check=False, capture_output=True).returncode == 0


def install():
    import fcntl

    with LOCK.open() as only_one_at_a_time:
        fcntl.flock(only_one_at_a_time, fcntl.LOCK_EX)
        if is_installed():
            return
        if not works():
            make_venv()
        say("installing the locked dependencies into .venv (once, about a minute) …")
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK]
        quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
        if subprocess.run(pip, check=False, env={**os.environ, **quiet}).returncode != 0:
            stop("The dependencies could not be installed; pip says above why.", "mend that and run again.")
        STAMP.write_text(wanted())


def make_venv():
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        package = f"python3.{sys.version_info[1]}-venv"
        stop("This Python cannot make virtual environments: its venv module is missing.", f"apt-get install {package}")
    say(f"making .venv with Python {sys.version.split()[0]} …")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        stop(f"The virtual environment {VENV} could not be made: {error}", "make the directory writable.")


def say(text):
    print(text, file=sys.stderr, flush=True)


def stop(what, remedy):
    sys.exit(f"{what}\n  do:  {remedy}")


if __name__ == "__main__":
    main()
