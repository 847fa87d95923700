"""The commands of `manage_all.py`, and which function each one calls."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deploy.compose import command as compose
from deploy.kubernetes import secrets as kubernetes
from deploy.local import (
    audit,
    backup,
    bench,
    bench_identity,
    brokers,
    homes,
    joining,
    lifecycle,
    locks,
    management,
    restore,
    services,
    suites,
)
from deploy.local import demo as demo_
from deploy.local.events import command as events
from deploy.local.events import wishes
from deploy.local.refusals import Refusal
from deploy.new_service import command as new_service

_FOOT = """
Any other word is a management command, run in every service: ./manage_all.py showmigrations
The market lives in .local/ of this clone, or where ADMIT_ONE_HOME says. Its processes
listen on free ports of 18000-31999, or of the range that ADMIT_ONE_PORTS names.
"""
_Run = Callable[[homes.Home, argparse.Namespace], int]


def main(arguments: Sequence[str]) -> int:
    """Carry out one command line. The exit code."""
    home = homes.current()
    try:
        if arguments and _is_django(arguments[0]):
            return management.everywhere(home, arguments=arguments)
        own, passed_on = _split(arguments)
        chosen = _parser().parse_args(own)
        chosen.rest = passed_on
        run: _Run = chosen.run
        return run(home, chosen)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is ours, and what is passed on: what stands after `--`."""
    words = list(arguments)
    if words[:1] == ["compose"]:  # whose words are for another program
        return words[:1], words[1:]
    if "--" not in words:
        return words, []
    place = words.index("--")
    return words[:place], words[place + 1 :]


def _is_django(word: str) -> bool:
    return not word.startswith("-") and word not in _COMMANDS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage_all.py",
        description="Drives the whole market.",
        epilog=_FOOT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (help_, options, run) in _COMMANDS.items():
        command = commands.add_parser(name, help=help_, description=help_)
        for flags, details in options:
            command.add_argument(*flags, **details)
        command.set_defaults(run=run, parser=parser)
    return parser


def _up(home: homes.Home, chosen: argparse.Namespace) -> int:
    options = {name: getattr(chosen, name) for name in ("port", "broker", "limits", "identity", "https")}
    if chosen.order_window:
        options["order_window"] = chosen.order_window
    return lifecycle.up(home, options=options, detach=chosen.detach)


def _audit(home: homes.Home, chosen: argparse.Namespace) -> int:

    return audit.main(home)


def _demo(home: homes.Home, chosen: argparse.Namespace) -> int:
    return demo_.main(home, buy=chosen.buy, buyers=chosen.buyers)


def _bench(home: homes.Home, chosen: argparse.Namespace) -> int:
    measure = {"events": bench.main, "identity": bench_identity.main}[chosen.what]
    return measure(home, number=chosen.events)


def _chaos(home: homes.Home, chosen: argparse.Namespace) -> int:
    from deploy.chaos import run  # what it needs, no other command does

    return run.main(
        home,
        minutes=chosen.minutes,
        seed=chosen.seed,
        seeds=chosen.seeds,
        faults=chosen.faults,
        broker=chosen.broker,
        kill_every=chosen.kill_every,
        freeze=chosen.freeze,
        one_by_one=chosen.one_by_one,
        keep=chosen.keep,
    )


def _events(home: homes.Home, chosen: argparse.Namespace) -> int:
    wish = wishes.parse(type_=chosen.type, aggregate=chosen.aggregate, request=chosen.request)
    how = {"follow": chosen.follow, "as_tree": chosen.tree, "as_json": chosen.json}
    return events.main(home, wish=wish, most=chosen.events, **how)


def _help(home: homes.Home, chosen: argparse.Namespace) -> int:
    chosen.parser.print_help()
    return 0


_PORT: dict[str, Any] = {"type": int, "default": 8000, "help": "where the market listens (8000)"}
_BROKER: dict[str, Any] = {"choices": brokers.KINDS, "default": "auto", "help": "what carries the events (auto)"}
_WINDOW: dict[str, Any] = {"type": int, "metavar": "SECONDS", "help": "how long an order may stay unpaid (900)"}
_LIMITS: dict[str, Any] = {"action": "store_true", "help": "limit sign-ups and sign-ins per address, as in production"}
_IDENTITY: dict[str, Any] = {
    "choices": services.STRATEGIES,
    "default": "local",
    "help": "how services learn who is asking: by keys of their own, by asking auth, from the gateway (local)",
}
_HTTPS: dict[str, Any] = {"action": "store_true", "help": "serve https, with a certificate of the gateway's own making"}
_DETACH: dict[str, Any] = {"action": "store_true", "help": "return when the market is ready, leave it running"}
_COMMANDS: dict[str, tuple[str, list[tuple[tuple[str, ...], dict[str, Any]]], _Run]] = {
    "up": (
        "Start the market and stay until Ctrl-C.",
        [
            (("--port",), _PORT),
            (("--broker",), _BROKER),
            (("--order-window",), _WINDOW),
            (("--limits",), _LIMITS),
            (("--identity",), _IDENTITY),
            (("--https",), _HTTPS),
            (("--detach",), _DETACH),
        ],
        _up,
    ),
    "down": ("End the market.", [], lambda home, chosen: lifecycle.down(home)),
    "status": (
        "One row a process, and how the events flow.",
        [(("--json",), {"action": "store_true", "help": "for programs"})],
        lambda home, chosen: lifecycle.status(home, as_json=chosen.json),
    ),
    "logs": (
        "The end of the logs.",
        [
            (("names",), {"nargs": "*", "metavar": "NAME", "help": "orders, orders.web, broker, … (all)"}),
            (("-f", "--follow"), {"action": "store_true", "help": "go on as they grow"}),
            (("-n", "--lines"), {"type": int, "default": 20, "help": "lines of each (20)"}),
        ],
        lambda home, chosen: lifecycle.logs(home, names=chosen.names, follow=chosen.follow, lines=chosen.lines),
    ),
    "events": (
        "What the services say, and who has heard it.",
        [
            (("-n", "--events"), {"type": int, "default": 20, "metavar": "N", "help": "the last N (20)"}),
            (("-f", "--follow"), {"action": "store_true", "help": "go on as more is said"}),
            (("--type",), {"metavar": "PATTERN", "help": "of these types: order.completed, 'order.*'"}),
            (("--aggregate",), {"metavar": "ID", "help": "about an order, ticket, payment or user, or naming it"}),
            (("--request",), {"metavar": "ID", "help": "said for this request, in whichever service"}),
            (("--tree",), {"action": "store_true", "help": "all that followed from it as a tree, with times"}),
            (("--json",), {"action": "store_true", "help": "an object a line, for programs"}),
        ],
        _events,
    ),
    "staff": (
        "Make an administrator; the password is asked for or taken from STAFF_PASSWORD.",
        [(("email",), {"metavar": "EMAIL"})],
        lambda home, chosen: management.staff(home, email=chosen.email),
    ),
    "demo": (
        "Fill the market with listings, or buy.",
        [
            (("--buy",), {"type": int, "metavar": "N", "help": "make N complete purchases instead"}),
            (("--buyers",), {"type": int, "metavar": "M", "default": 20, "help": "by M buyers at once (20)"}),
        ],
        _demo,
    ),
    "audit": ("Compare all databases with each other; exit code 1 on any finding.", [], _audit),
    "bench": (
        "Measure the market that is up: its events, or what it costs to know who is asking.",
        [
            (("what",), {"nargs": "?", "choices": ("events", "identity"), "default": "events", "help": "(events)"}),
            (("-n", "--events"), {"type": int, "default": 300, "metavar": "N", "help": "how many to time (300)"}),
        ],
        _bench,
    ),
    "chaos": (
        "Hurt a market of its own in every way while people trade there; exit code 1 on any violation.",
        [
            (("--minutes",), {"type": float, "default": 3.0, "help": "how long faults strike, for each seed (3)"}),
            (("--seed",), {"type": int, "default": 1, "help": "what the plan is drawn from; it replays the plan (1)"}),
            (("--seeds",), {"type": int, "default": 1, "help": "how many seeds, one after the other (1)"}),
            (("--faults",), {"default": "", "metavar": "A,B,…", "help": "kill, freeze, broker-wipe, … (all)"}),
            (("--broker",), {**_BROKER, "choices": (*brokers.KINDS, brokers.CLUSTER)}),
            (("--kill-every",), {"type": float, "default": 3.5, "help": "mean seconds between two kills (3.5)"}),
            (("--freeze",), {"type": float, "default": 20.0, "help": "how many seconds a freeze lasts (20)"}),
            (("--one-by-one",), {"action": "store_true", "help": "heal each strike, and measure, before the next"}),
            (("--keep",), {"action": "store_true", "help": "leave the market's directory, with its logs, behind"}),
        ],
        _chaos,
    ),
    "backup": (
        "Dump the databases of services, each checked by reading it back.",
        [
            (("services",), {"nargs": "*", "metavar": "SERVICE", "help": "orders, … (all)"}),
            (("--to",), {"metavar": "DIR", "help": "where the dumps go (backups/ of the market's home)"}),
        ],
        lambda home, chosen: backup.main(home, names=chosen.services, to=chosen.to),
    ),
    "restore": (
        "Put a service back to a dump and have it catch up with the others.",
        [
            (("service",), {"choices": services.NAMES}),
            (("--from",), {"dest": "dump", "metavar": "FILE", "required": True, "help": "what `backup` has written"}),
            (("--yes",), {"action": "store_true", "help": "do not ask"}),
        ],
        lambda home, chosen: restore.main(home, service=chosen.service, dump=chosen.dump, sure=chosen.yes),
    ),
    "shell": (
        "Django's shell of one service.",
        [(("service",), {"choices": services.NAMES})],
        lambda home, chosen: management.shell(home, service=chosen.service),
    ),
    "run": (
        "One process in the foreground, against a market that is up.",
        [
            (("service",), {"choices": services.NAMES}),
            (("kind",), {"nargs": "?", "choices": services.KINDS, "default": "web"}),
            (("--reload",), {"action": "store_true", "help": "start it again when its code changes"}),
        ],
        lambda home, chosen: management.run(home, service=chosen.service, kind=chosen.kind, reload=chosen.reload),
    ),
    "compose": (
        "The market in containers: init, airgap, roll [SERVICE …], or what docker-compose knows (up --wait, ps).",
        [],
        lambda home, chosen: compose.main(chosen.rest),
    ),
    "test": (
        "Run the suites whose tools are present; arguments after -- go to pytest.",
        [
            (("suites",), {"nargs": "*", "metavar": "SUITE", "help": "static, orders, market, … (all)"}),
            (("--all",), {"action": "store_true", "help": "a missing tool is a failure"}),
        ],
        lambda home, chosen: suites.main(names=chosen.suites, everything=chosen.all, arguments=chosen.rest),
    ),
    "new-service": (
        "Write a new service that hears users, tickets and orders: code, tests, and its place in every list.",
        [
            (("service",), {"metavar": "NAME", "help": "what it is called: reviews"}),
            (("--noun",), {"metavar": "NOUN", "help": "what it is about, where that is another word (users of auth)"}),
        ],
        lambda home, chosen: new_service.main(service=chosen.service, noun=chosen.noun),
    ),
    "join": (
        "Start a new service in the market that is up; nothing else is started again.",
        [(("service",), {"metavar": "NAME"})],
        lambda home, chosen: joining.main(home, service=chosen.service),
    ),
    "kubernetes": (
        "Print the secrets of a cluster, for `kubectl apply -f -`; made the first time, the same ever after.",
        [
            (("what",), {"choices": ["secrets"]}),
            (("--keep",), {"type": Path, "required": True, "metavar": "DIR", "help": "where they are kept here"}),
            (("--email-url",), {"required": True, "help": "how auth sends mail: smtp+tls://user:password@host:587"}),
            (("--namespace",), {"default": "admit-one", "help": "where the market lives there (admit-one)"}),
        ],
        lambda home, chosen: kubernetes.main(namespace=chosen.namespace, email_url=chosen.email_url, keep=chosen.keep),
    ),
    "lock": (
        "Compile requirements/*.in into the locks; arguments after -- go to uv (--upgrade).",
        [],
        lambda home, chosen: locks.main(arguments=chosen.rest),
    ),
    "reset": (
        "Ask, then remove everything the market keeps.",
        [(("--yes",), {"action": "store_true", "help": "do not ask"})],
        lambda home, chosen: lifecycle.reset(home, sure=chosen.yes),
    ),
    "help": ("This list.", [], _help),
}
