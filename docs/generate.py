"""Writes the pages that follow from the code: `python docs/generate.py`. A test says when one of them is out of date."""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from fastapi.routing import APIRoute

import domain.aggregates  # noqa: F401 - registers every event
from api.app import ADDRESSES
from api.auth import Needs
from api.routing import PREFIX
from api.settings import ApiSettings
from cli.main import COMMANDS, app
from domain.conditions.fields import CUSTOM_PREFIX, FIELDS, HAPPENING, Field, FieldType
from domain.conditions.operators import OPERATORS
from domain.errors import LedgerdeskError
from domain.event import EVENTS, Event
from eventstore import migrate
from eventstore.settings import Settings
from processors.mail.settings import MailSettings
from processors.stream.settings import KafkaSettings
from processors.webhooks.settings import WebhookSettings
from projections.models import READ_MODELS
from projections.read_model import ReadModel

DOCS = Path(__file__).parent
ROOMS = ("domain", "eventstore", "projections", "processors", "api", "cli")
NOTE = "<!-- Made by docs/generate.py from the code; change it there. -->"
COLUMN = re.compile(r"(\w+) (uuid|text|bigint|smallint|int|boolean|timestamptz|jsonb|json)\b(\[\])?")
CREATED = re.compile(r"CREATE TABLE (?:processes\.)?(\w+) \((.*?)(?=CREATE |\Z)", re.DOTALL)
FRESHNESS = "0004_read_models.sql"
# What a process keeps beside the log and shows like a read model.
STANDINGS = "0012_sla_clocks.sql"
# Its columns are computed in a view, which has no types to read.
FRESHNESS_TYPES = {
    f"freshness.{column}": kind
    for kind, columns in {
        "text": "read_model state error",
        "int": "version",
        "bigint": "build position head lag_events",
        "timestamptz": "applied_time updated_at",
    }.items()
    for column in columns.split()
}
# Which story tells of the events of a module, in the order in which a reader meets them.
STORIES = {
    "ticket.events": "Tickets: opening, content, life cycle",
    "ticket.drafting": "Tickets: drafts and saved forms",
    "ticket.messages": "Tickets: messages and files",
    "ticket.handling": "Tickets: from hand to hand",
    "ticket.escalating": "Tickets: escalation",
    "ticket.promising": "Tickets: promises",
    "ticket.telling": "Tickets: notices",
    "ticket.settling": "Tickets: rating",
    "ticket.flowing": "Tickets: forms, workflows, approvals",
    "ticket.marking": "Tickets: marks",
    "ticket.confidential": "Tickets: the confidential field",
    "ticket.ties": "Tickets: merges, splits, links",
    "ticket.undoing": "Tickets: undo",
    "ticket.calling": "Tickets: webhooks",
    "ticket.reporting": "Tickets: what rules could not do",
    "requester": "Requesters",
    "requester_ties": "Requesters: merges and blocks",
    "organisation": "Organisations",
    "saved_view": "Saved views",
    "workspace": "The workspace",
    "setup.calendars": "Set-up: calendars",
    "setup.policies": "Set-up: promises",
    "setup.statuses": "Set-up: life cycle",
    "setup.teams": "Set-up: teams",
    "setup.staff": "Set-up: people",
    "setup.roles": "Set-up: roles",
    "setup.forms": "Set-up: fields and templates",
    "setup.classification": "Set-up: types and categories",
    "setup.workflows": "Set-up: workflows",
    "setup.tags": "Set-up: tags",
    "setup.organisations": "Set-up: organisations that are one",
    "setup.macros": "Set-up: macros and canned replies",
    "setup.rules": "Set-up: rules",
    "setup.webhooks": "Set-up: webhooks",
    "setup.notifications": "Set-up: how people are told",
    "setup.streaming": "Set-up: the stream",
    "inbox.notification": "Notifications",
    "inbox.reading": "Inboxes",
    "exports": "Exports",
}
# A condition is a tree of conditions: its page says what is in it.
ANY_CHANGE = frozenset({"idempotency_key_reused", "version_conflict"})
CONDITION, CONDITIONS = "[condition](conditions.md)", frozenset({"AllOf", "AnyOf", "NoneOf", "Leaf", "Condition"})
STANDINGS_ROW = ("process `sla_clock`", "[sla_clocks](#desksla_clocks)")
FRESHNESS_ROW = ("how far they are", "[freshness](#deskfreshness)")
COMMENT = re.compile(r"COMMENT ON (?:VIEW|COLUMN) desk\.(\w+(?:\.\w+)?) IS '((?:[^']|'')*)'")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """A Markdown table."""
    lines = [list(head), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    written = [f"| {' | '.join(line)} |" for line in lines]
    return [written[0], f"|{'---|' * len(lines[0])}", *written[1:]]


def first_line(documented: object) -> str:
    """What the first line of a docstring says."""
    return (documented.__doc__ or "").partition("\n")[0]


def views() -> str:
    """Every view of schema desk."""
    lines = [NOTE, "# Views of schema `desk`", "", "How to reach them, and examples: [analysts](analysts.md).", ""]
    made = [*((f"`{m.NAME}`", _contents(m)) for m in READ_MODELS), STANDINGS_ROW, FRESHNESS_ROW]
    lines += table(("read model", "views"), made)
    for model in READ_MODELS:
        types = column_types(model)
        for view in shown(model):
            lines += _view(view, model.COMMENTS, types, f"Read model `{model.NAME}`.")
    lines += _view("sla_clocks", _comments(STANDINGS), standings_types(), "Kept by the process that fires what is due.")
    lines += _view("freshness", _comments(FRESHNESS), FRESHNESS_TYPES, "Compare with it before you trust a number.")
    return "\n".join(lines) + "\n"


def shown(model: ReadModel) -> list[str]:
    """Its tables that analysts see."""
    return [name for name in model.COMMENTS if "." not in name and name not in model.SEARCHED]


def _contents(model: ReadModel) -> str:
    return ", ".join(f"[{view}](#desk{view})" for view in shown(model))


def column_types(model: ReadModel) -> dict[str, str]:
    """Types of the columns that analysts see, by `table.column`."""
    types = types_in(model.TABLES)
    return {column: kind for column, kind in types.items() if column.partition(".")[0] not in model.SEARCHED}


def standings_types() -> dict[str, str]:
    """Types of what a process keeps beside the log."""
    return types_in(_migration(STANDINGS))


def types_in(tables: str) -> dict[str, str]:
    """Types of the columns in SQL that makes tables, by `table.column`."""
    return {
        f"{name}.{column}": kind + array
        for name, body in CREATED.findall(tables)
        for column, kind, array in COLUMN.findall(body)
    }


def _view(view: str, comments: Mapping[str, str], types: Mapping[str, str], origin: str) -> list[str]:
    names = [name for name in comments if name.startswith(f"{view}.")]
    rows = [(f"`{name.partition('.')[2]}`", types[name], comments[name]) for name in names]
    return ["", f"## desk.{view}", "", f"{comments[view]} {origin}", "", *table(("column", "type", "meaning"), rows)]


def _comments(migration: str) -> dict[str, str]:
    """What it says about views."""
    return {name: text.replace("''", "'") for name, text in COMMENT.findall(_migration(migration))}


def _migration(name: str) -> str:
    return (Path(migrate.__file__).parent / "migrations" / name).read_text()


def known_events() -> dict[str, type[Event]]:
    """The events that a release can write, by name; tests may have registered others."""
    return {name: kind for name, kind in sorted(EVENTS.items()) if kind.__module__.startswith("domain.")}


def events() -> str:
    """Every event with its fields, story by story."""
    known = known_events()
    stories: dict[str, list[str]] = {title: [] for title in STORIES.values()}
    for name, kind in known.items():
        stories[STORIES[kind.__module__.removeprefix("domain.")]].append(name)
    lines = [
        NOTE,
        "# Events",
        "",
        "What the log keeps and `GET /api/v1/events` sends. A field that is *content* is stored encrypted under the key of its",
        "ticket, requester, person or view, and is null once that was erased. A *secret* is content that no reader of the log is",
        "shown: histories, exports and the stream leave it out. The envelope around the fields:",
        "[auditors](auditors.md#the-envelope) and [integrators](integrators.md#the-event-stream).",
        "",
        *table(
            ("story", "events"), ((f"[{title}](#{anchor(title)})", _linked(names)) for title, names in stories.items())
        ),
    ]
    for title, names in stories.items():
        lines += ["", f"## {title}"]
        for name in names:
            lines += _event(name, known[name])
    return "\n".join(lines) + "\n"


def anchor(heading: str) -> str:
    """What a heading is linked by."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _linked(names: Iterable[str]) -> str:
    return ", ".join(f"[{name.partition('.')[2]}](#{anchor(name)})" for name in names)


def _event(name: str, kind: type[Event]) -> list[str]:
    lines = ["", f"### {name}", "", f"{first_line(kind)} Version {kind.VERSION}.", ""]
    return lines + (table(("field", "type", "content"), _fields(kind)) if kind.model_fields else ["It has no fields."])


def _fields(kind: type[Event]) -> Iterator[tuple[str, str, str]]:
    schema = kind.model_json_schema()
    for field, described in schema["properties"].items():
        content = field in kind.CONTENT
        protection = "secret" if field in kind.SECRETS else "yes" if content else ""
        yield f"`{field}`", json_type(described, schema.get("$defs", {}), content=content), protection


def json_type(schema: dict[str, Any], defs: dict[str, Any], *, content: bool = False) -> str:
    """A JSON schema in a few words; that content may be null goes without saying."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in CONDITIONS:
            return CONDITION
        schema = defs[name]
    if "oneOf" in schema:
        return f"object, by `{schema['discriminator']['propertyName']}`"
    if "anyOf" in schema:
        kinds = dict.fromkeys(json_type(each, defs) for each in schema["anyOf"])
        return " or ".join(kind for kind in kinds if not (content and kind == "null"))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {json_type(schema.get('items', {}), defs) or 'values'}"
    if schema.get("type") == "object" and "properties" in schema:
        members = (f"`{name}` {json_type(each, defs)}" for name, each in schema["properties"].items())
        return f"object: {'; '.join(members)}"
    return str(schema.get("format") or schema.get("type", "any"))


def errors() -> list[type[LedgerdeskError]]:
    """Every refusal and failure of our rooms, by code."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    ours = (each for each in _below(LedgerdeskError) if each.__module__.partition(".")[0] in ROOMS)
    return sorted(set(ours), key=lambda error: (error.code, error.__module__))


def _below(error: type[LedgerdeskError]) -> Iterator[type[LedgerdeskError]]:
    for each in error.__subclasses__():
        yield each
        yield from _below(each)


def problems() -> str:
    """Every code with its sentence."""
    found = errors()
    lines = [
        NOTE,
        "# Problem codes",
        "",
        "`code` is stable: programs decide by it. Words in braces are also in `fields` of the problem.",
        "",
        "## Over HTTP",
        "",
        "A fault of ours is status 500 with the code `internal_error`.",
        "",
        *table(
            ("code", "status", "what it says"), _codes(each for each in found if each.status != LedgerdeskError.status)
        ),
        "",
        "## On the command line and in logs",
        "",
        "The command line prints the sentence and exits with 2 where the call was wrong, with 1 where something failed.",
        "Codes of the first table can be met here as well.",
        "",
        *table(
            ("code", "what it says"),
            ((a, c) for a, _, c in _codes(e for e in found if e.status == LedgerdeskError.status)),
        ),
    ]
    return "\n".join(lines) + "\n"


def _codes(found: Iterable[type[LedgerdeskError]]) -> Iterator[tuple[str, int, str]]:
    return ((f"`{error.code}`", error.status, error.sentence) for error in found)


def routes() -> list[APIRoute]:
    """Every route, in the order of the routers."""
    return ADDRESSES.routes


def routes_page() -> str:
    """Every route with the permission it asks for and what it may refuse."""
    lines = [
        NOTE,
        "# Routes",
        "",
        f"All are under `{PREFIX}`. A permission is what a role must allow and an API key's scopes name. The refusals are those",
        "of the route itself; [every request](problems.md) may also be answered 400, 401, 403, 406, 422, 429 or 503, one with a",
        "body 413 or 415, and a change 409 `idempotency_key_reused` and 412 `version_conflict`.",
    ]
    by_tag: dict[str, list[APIRoute]] = {}
    for route in routes():
        by_tag.setdefault(str(route.tags[0]), []).append(route)
    for tag, found in by_tag.items():
        lines += ["", f"## {tag}", "", *table(("route", "permission", "what it does", "refuses"), map(_route, found))]
    return "\n".join(lines) + "\n"


def _route(route: APIRoute) -> tuple[str, str, str, str]:
    method = min(route.methods or ())
    asked = [each.call.permissions for each in route.dependant.dependencies if isinstance(each.call, Needs)]
    permission = " or ".join(f"`{each}`" for each in asked[0]) or "signed in" if asked else "none"
    codes = {code for answer in route.responses.values() for code in _examples(answer)} - ANY_CHANGE
    refuses = ", ".join(f"`{code}`" for code in sorted(codes))
    return f"`{method} {route.path.removeprefix(PREFIX)}`", permission, first_line(route.endpoint), refuses


def _examples(answer: Mapping[str, Any]) -> Iterator[str]:
    problem = answer.get("content", {}).get("application/problem+json", {})
    yield from problem.get("examples", {})


def conditions() -> str:
    """Every field that a condition can ask about, with the operators of its type."""
    lines = [
        NOTE,
        "# Conditions: fields and operators",
        "",
        "How conditions are written, and what the operators mean: [working on tickets](working.md#conditions).",
        f"`{CUSTOM_PREFIX}KEY` is the custom field of that key, of the type custom.",
        "",
        "## Fields",
        "",
        *table(("field", "what it is", "type", "values"), map(_asked, FIELDS.values())),
        "",
        "## Only in rules",
        "",
        "What just happened to a ticket, and when it came to be as it is. `before.FIELD` is a field of the ticket or of its form as it",
        "was before. Lists and views cannot ask these, nor what `has_changed`.",
        "",
        *table(("field", "what it is", "type", "values"), map(_asked, HAPPENING.values())),
        "",
        "## Operators",
        "",
        *table(("type", "operators"), ((kind, _operators(kind)) for kind in FieldType)),
        "",
        "What they take:",
        "",
        *table(
            ("operator", "value"), sorted({(f"`{n}`", o.takes) for ops in OPERATORS.values() for n, o in ops.items()})
        ),
    ]
    return "\n".join(lines) + "\n"


def _asked(field: Field) -> tuple[str, str, str, str]:
    return f"`{field.name}`", field.label, field.type, ", ".join(field.options)


def _operators(kind: FieldType) -> str:
    return ", ".join(f"`{name}`" for name in OPERATORS[kind])


def subcommands() -> dict[str, Any]:
    """Every command that does something, by its full name."""
    root: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name in COMMANDS:
        command = root.get_command(None, name)
        if hasattr(command, "commands"):
            found |= {f"{name} {sub}": each for sub, each in command.commands.items()}
        else:
            found[name] = command
    return found


def commands() -> str:
    """Every command with its first sentence and its example."""
    lines = [
        NOTE,
        "# Commands",
        "",
        "`ledgerdesk COMMAND --help` says more. Exit codes: 0 done, 1 failed, 2 wrong use, 130 stopped by Ctrl-C.",
        "",
    ]
    rows = ((f"`ledgerdesk {name}`", *_help(command)) for name, command in subcommands().items())
    return "\n".join([*lines, *table(("command", "what it does", "example"), rows)]) + "\n"


def _help(command: Any) -> tuple[str, str]:
    words = " ".join(f"{command.help} {command.epilog or ''}".split())
    said, _, example = words.partition("Example: ")
    return said.strip(), f"`{example}`" if example else ""


def settings() -> dict[str, str]:
    """Every setting by its environment variable, with its default as an operator would write it."""
    found: dict[str, Any] = {}
    for kind in (Settings, ApiSettings, MailSettings, WebhookSettings, KafkaSettings):
        for name, field in kind.model_fields.items():
            default = field.get_default() if field.default_factory is None else ""
            variable = field.validation_alias or f"LEDGERDESK_{name.upper()}"
            text = str(default).lower() if isinstance(default, bool) else str(default)
            found[str(variable)] = "" if default is None else text
    return found


def decisions() -> str:
    """The index of the decision records."""
    lines = [
        NOTE,
        "# Decisions",
        "",
        "Short records of choices that are hard to see in the code. A new one takes the next free number.",
        "",
    ]
    for record in sorted((DOCS / "decisions").glob("0*.md")):
        title = record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        lines.append(f"- [{title}]({record.name})")
    return "\n".join(lines) + "\n"


PAGES = {
    "views.md": views,
    "events.md": events,
    "problems.md": problems,
    "commands.md": commands,
    "routes.md": routes_page,
    "conditions.md": conditions,
    "decisions/README.md": decisions,
}

if __name__ == "__main__":
    for page, made in PAGES.items():
        (DOCS / page).write_text(made(), encoding="utf-8")
