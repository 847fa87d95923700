"""The lists that name every service and cannot be derived: what becomes of each when one more is added.

Everything else reads `topology.SERVICES`: the local market, the admin's front page, the test suites, the type checker.
"""

import re
from collections.abc import Callable

from deploy.local import homes
from deploy.local.refusals import Refusal
from deploy.new_service import names

# Whom the new one is like in the rules of imports: a service without providers, tokens or pages.
_MODEL, _MODEL_NOUN = "orders_service", "orders"
_Edit = Callable[[str, names.Name], str]


def edited(name: names.Name) -> dict[str, str]:
    """The new content of each list, by its path. Raises Refusal where one is not as it was."""
    return {path: _edit(path, edit, name) for path, edit in _EDITS.items()}


def _edit(path: str, edit: _Edit, name: names.Name) -> str:
    before = (homes.ROOT / path).read_text()
    after = edit(before, name)
    if after == before:
        raise Refusal(
            f"{path} has no place where a service could be added.",
            why="its list of services was moved or written in another way.",
            do=f"add {name.service} to it as you would, and mend deploy/new_service/lists.py.",
        )
    return after


def _after_last(pattern: str, added: str) -> _Edit:
    """Adds a line after the last one that `pattern` matches."""

    def edit(text: str, name: names.Name) -> str:
        found = list(re.finditer(rf"^{pattern}\n", text, re.MULTILINE))
        place = found[-1].end() if found else len(text)
        line = added.format(service=name.service, noun=name.noun, upper=name.service.upper())
        return f"{text[:place]}{line}\n{text[place:]}" if found else text

    return edit


def _each(*edits: _Edit) -> _Edit:
    """All of the edits, or none where one of them finds no place."""

    def edit(text: str, name: names.Name) -> str:
        after = text
        for one in edits:
            before, after = after, one(after, name)
            if after == before:
                return text
        return after

    return edit


def _import_rules(text: str, name: names.Name) -> str:
    """Beside whatever is said of the model service, the same of the new one."""
    lists = re.sub(r"\[[^\[\]]*\]", lambda found: _longer(found[0], name), text)
    return lists.replace(f"({_MODEL_NOUN})", f"({_MODEL_NOUN}) | ({name.noun})")


def _longer(array: str, name: names.Name) -> str:
    def alike(item: str) -> str:
        return item.replace(_MODEL, f"{name.service}_service").replace(f".{_MODEL_NOUN}", f".{name.noun}")

    items = [alike(item) for item in re.findall(rf'"{_MODEL}[^"]*"', array)]
    if not items:
        return array
    body, separator = array[:-1].rstrip(), "\n    " if "\n" in array else " "
    end = ",\n]" if "\n" in array else "]"
    return body.rstrip(",") + "," + separator + ", ".join(items) + end


_EDITS: dict[str, _Edit] = {
    "shared/messaging/topology.py": _after_last(
        r'    "\w+": \([^)]*\),', '    "{service}": ("auth", "tickets", "orders"),'
    ),
    "pyproject.toml": _import_rules,
    "deploy/gateway/Caddyfile": _after_last(
        # Until it has joined the market that is up, there is nobody.
        r"\timport routes .*",
        "\timport routes {service} {noun} {{${upper}_UPSTREAM:127.0.0.1:9}}",
    ),
    "deploy/gateway/site/docs/index.html": _after_last(
        r' *<li><a href="/api/\w+/schema/">.*', '      <li><a href="/api/{noun}/schema/">{noun}</a></li>'
    ),
    "deploy/gateway/site/home/index.html": _after_last(
        r" *<tr data-service=.*",
        '          <tr data-service="{service}"><th scope="row"><a href="/status/{service}">{service}</a></th>'
        '<td>{noun}</td><td class="state">–</td></tr>',
    ),
    "deploy/compose/compose.yml": _each(
        _after_last(r"  - \w+\.yml", "  - {service}.yml"),
        _after_last(r"  \w+: \{\}", "  {service}: {{}}"),
        _after_last(r"      \w+_UPSTREAM: .*", "      {upper}_UPSTREAM: {service}-web 8000"),
    ),
    # Its web is met by every service.
    "deploy/compose/auth.yml": _after_last(r"      - \w+", "      - {service}"),
    "deploy/kubernetes/base/kustomization.yaml": _after_last(r"  - \w+", "  - {service}"),
    "deploy/kubernetes/base/gateway/gateway.env": _after_last(
        r"[A-Z0-9]+_UPSTREAM=.*", "{upper}_UPSTREAM={service}-web:8000"
    ),
    "deploy/kubernetes/overlays/production/kustomization.yaml": _after_last(
        r"  - \{name: admit-one-.*",
        "  - {{name: admit-one-{service}, newName: registry.example/admit-one-{service}, newTag: 1.0.0}}",
    ),
    "deploy/observability/prometheus/prometheus.yml": _after_last(
        r"          - \w+-\w+", "          - {service}-web\n          - {service}-messaging"
    ),
    "deploy/local/audit.py": _after_last(
        r'    \("\w+", "\w+", [A-Z]+\),',
        '    ("{service}", "{noun}_ticket", TICKETS),\n    ("{service}", "{noun}_order", ORDERS),',
    ),
}
