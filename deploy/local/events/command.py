"""`events`: what the services say, as they say it, who has heard it, and one purchase as a tree."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping

from rich.console import Console
from rich.text import Text

from deploy.local import audit, homes, market_state
from deploy.local.events import reading, said, showing, tail, tree, wishes
from deploy.local.events.connections import Databases
from deploy.local.refusals import Refusal

out = Console(highlight=False)
_LOOK_EVERY_SECONDS = 0.25
_MOST_IN_A_TREE = 500


def main(home: homes.Home, *, wish: wishes.Wish, most: int, follow: bool, as_tree: bool, as_json: bool) -> int:
    """Show what was said in the market that is up. Raises Refusal where that is nothing."""
    if most < 0:
        raise Refusal(f"{most} events cannot be shown.", do="give -n 20, or -n 0 with -f for what is said from now on")
    if as_tree:
        _must_be_a_story(wish, follow=follow)
    databases = Databases(audit.dsns(market_state.require(home)))
    with contextlib.closing(databases):
        if as_tree:
            _show_tree(databases, wish, as_json=as_json)
        else:
            _show_lines(databases, wish, most, follow=follow, as_json=as_json)
    return 0


def _must_be_a_story(wish: wishes.Wish, *, follow: bool) -> None:
    if wish.aggregate is None and wish.request is None:
        do = "add --aggregate ID (an order, ticket, payment or user) or --request ID"
        raise Refusal("A tree grows from something.", do=do)
    if wish.types is not None or follow:
        raise Refusal("A tree shows everything that has been said.", do="leave away --type and -f")


def _show_tree(databases: Databases, wish: wishes.Wish, *, as_json: bool) -> None:
    events = reading.story(databases, wish=wish, most=_MOST_IN_A_TREE)
    _tell_who_is_away(databases)
    if not events:
        raise _nothing(wish)
    if len(events) > _MOST_IN_A_TREE:
        raise Refusal(
            f"More than {_MOST_IN_A_TREE} events belong to this.",
            why="nobody would find a purchase in such a tree.",
            do="name one order, or leave away --tree and say how many of the last ones to show: -n 5000",
        )
    for hop in tree.grow(reading.with_heard(databases, events)):
        _print(showing.hop_as_json(hop) if as_json else showing.branch(hop))


def _show_lines(databases: Databases, wish: wishes.Wish, most: int, *, follow: bool, as_json: bool) -> None:
    following = tail.Tail(databases, wish=wish) if follow else None
    events = reading.last(databases, wish=wish, most=most)
    _tell_who_is_away(databases)
    if not events and not following and most:
        raise _nothing(wish)
    show: Callable[[said.Said], str | Text] = showing.as_json if as_json else showing.line
    if not as_json:
        _print(showing.heading())
    _print_all(map(show, reading.with_heard(databases, events)))
    if following:
        following.skip(events)
        _follow(databases, following, show)


def _follow(databases: Databases, following: tail.Tail, show: Callable[[said.Said], str | Text]) -> None:
    """Until Ctrl-C."""
    away = dict(databases.away)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            _print_all(map(show, following.look()))
            away = _tell_changes(away, databases.away)
            time.sleep(_LOOK_EVERY_SECONDS)


def _tell_who_is_away(databases: Databases) -> None:
    """What is shown lacks what they have said and heard. Raises Refusal where nobody is left."""
    if databases.away.keys() >= set(databases.services):
        raise Refusal("No database answers.", why="; ".join(databases.away.values()), do="./manage_all.py status")
    _tell_changes({}, databases.away)


def _tell_changes(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    for service in now.keys() - before.keys():
        told = f"the database of {service} is away: what it has said and heard is missing here ({now[service]})"
        print(told, file=sys.stderr)
    for service in before.keys() - now.keys():
        print(f"the database of {service} answers again", file=sys.stderr)
    return dict(now)


def _nothing(wish: wishes.Wish) -> Refusal:
    why = f"no log holds an event of: {wish}."
    return Refusal("Nothing of that was said.", why=why, do="see what is there: ./manage_all.py events -n 50")


def _print_all(lines: Iterable[str | Text]) -> None:
    for shown in lines:
        _print(shown)


def _print(shown: str | Text) -> None:
    """In one line however wide the terminal is. A reader who has enough (`| head`) ends the command."""
    if isinstance(shown, str):
        out.out(shown, highlight=False)
    else:
        out.print(shown, soft_wrap=True)
