"""`debian:bookworm-slim` for who cannot pull it: debootstrap, made slim as the official one is.

It believes whom this machine believes: its operator may sit behind a proxy that inspects.
"""

import functools
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

from deploy.airgap.engine import Engine
from deploy.local.refusals import Refusal

NAME = "debian:bookworm-slim"
_RELEASE = "bookworm"
_SUITES = (_RELEASE, f"{_RELEASE}-updates", f"{_RELEASE}-security")
_KNOWN_TO_DEBIAN = Path("/usr/share/ca-certificates/mozilla")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_NOT_IN_THE_IMAGE = ("./dev/*", "./proc/*", "./sys/*", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*")
_UNREAD = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian")
_FILES = {
    # A mirror without a network is often older than its signature is valid.
    "etc/apt/apt.conf.d/image": (
        'Acquire::Check-Valid-Until "false";\nAcquire::Languages "none";\n'
        'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };\n'
    ),
    "etc/dpkg/dpkg.cfg.d/image": "force-unsafe-io\n" + "".join(f"path-exclude=/{place}/*\n" for place in _UNREAD),
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}


def digest() -> str:
    """Of everything that decides what the image is, but for the packages that Debian has at the moment."""
    told = [Path(__file__).read_text(), *_sources(), *_authorities_of_this_machine()]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def make(engine: Engine, *, label: str) -> None:
    """Build the image, with a label. Raises Refusal."""
    if os.geteuid() != 0:
        raise Refusal(f"{NAME} can be built by root only.", do="be root, or pull it.")
    if shutil.which("debootstrap") is None:
        raise Refusal("debootstrap is missing.", do="apt-get install debootstrap")
    with tempfile.TemporaryDirectory(prefix="debian-") as place:
        root = Path(place) / "root"
        _bootstrap(root)
        _trim(root)
        _trust(root)
        _import(engine, root, label)


def _bootstrap(root: Path) -> None:
    line = ["debootstrap", "--variant=minbase", _RELEASE, str(root), *_mirror()]
    # What is written here is lost with a crash anyway.
    done = subprocess.run(
        line, env={**os.environ, "DPKG_FORCE": "unsafe-io"}, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise Refusal("debootstrap failed.", why="\n".join((done.stdout + done.stderr).splitlines()[-15:]))


@functools.cache  # apt-get takes a second or two to say so
def _sources() -> tuple[str, ...]:
    """Where this machine gets Debian's packages from, as lines of a sources.list; none where it gets other ones."""
    if shutil.which("apt-get") is None:
        return ()
    line = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages", "Component: main"]
    said = subprocess.run(line, check=False, capture_output=True, text=True).stdout
    known = dict(row.split() for row in said.splitlines())
    return tuple(f"deb {known[suite]} {suite} main" for suite in _SUITES if suite in known)


def _mirror() -> list[str]:
    """The address of the release itself, for debootstrap, which knows one of its own."""
    return [line.split()[1] for line in _sources() if line.split()[2] == _RELEASE]


def _trim(root: Path) -> None:
    for name, text in _FILES.items():
        (root / name).write_text(text)
    if sources := _sources():
        (root / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in sources))
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    for place in _UNREAD:
        shutil.rmtree(root / place, ignore_errors=True)
        (root / place).mkdir()
    settings = b"debconf debconf/frontend select Noninteractive\n"
    subprocess.run(["chroot", root, "debconf-set-selections"], input=settings, check=True, capture_output=True)


def _trust(root: Path) -> None:
    """Have the image believe whom this machine believes, also when the package ca-certificates is installed later."""
    bundle = _bundle()
    if bundle is None:
        return
    (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (root / "etc/ssl/certs/ca-certificates.crt").write_text(bundle)
    place = root / "usr/local/share/ca-certificates"
    place.mkdir(parents=True, exist_ok=True)
    for number, certificate in enumerate(_authorities_of_this_machine(), start=1):
        (place / f"host-{number}.crt").write_text(f"{certificate}\n")


def _authorities_of_this_machine() -> list[str]:
    """Certificates that this machine believes and that do not come from Debian."""
    known = {_meaning(path.read_text()) for path in _KNOWN_TO_DEBIAN.glob("*.crt")}
    return [found for found in _CERTIFICATE.findall(_bundle() or "") if _meaning(found) not in known]


def _bundle() -> str | None:
    path = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    return Path(path).read_text() if Path(path).exists() else None


def _meaning(certificate: str) -> str:
    return "".join(certificate.split())


def _import(engine: Engine, root: Path, label: str) -> None:
    excluded = [f"--exclude={pattern}" for pattern in _NOT_IN_THE_IMAGE]
    with tempfile.TemporaryFile() as archive:
        subprocess.run(["tar", "-C", root, "--one-file-system", *excluded, "-c", "."], stdout=archive, check=True)
        archive.seek(0)
        engine.docker("import", "--change", 'CMD ["bash"]', "--change", f"LABEL {label}", "-", NAME, stdin=archive)
