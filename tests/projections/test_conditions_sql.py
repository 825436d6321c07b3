"""A condition asked in memory and the same compiled to SQL: one answer, whatever is asked of whatever ticket."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as for_all
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from domain.conditions import ALWAYS, Condition, Context, evaluate, parse
from domain.conditions.fields import FIELDS, FieldType
from domain.conditions.folding import fold
from domain.conditions.operators import OPERATORS, Asks, Operator, Takes
from domain.organisation_merges import APART, Merges
from projections.conditions import ComparesWithBefore, compiled

SQL_TYPES = {
    FieldType.OPTION: "text",
    FieldType.TEXT: "text",
    FieldType.PERSON: "uuid",
    FieldType.TEAM: "uuid",
    FieldType.ORGANISATION: "uuid",
    FieldType.TAGS: "text[]",
    FieldType.PEOPLE: "uuid[]",
    FieldType.PATH: "text[]",
    FieldType.NUMBER: "int",
    FieldType.MOMENT: "timestamptz",
    FieldType.FLAG: "bool",
}
OF_TICKET = [field for field in FIELDS.values() if not field.of_requester]
OF_REQUESTER = [field for field in FIELDS.values() if field.of_requester]

TEXTS = [
    "Printer", "PRINTER on fire", "打印机坏了", "我的打印机", "Straße", "STRASSE", "strasse 7", "İstanbul", "i\u0307stanbul",
    "ıstanbul", "Cafe\u0301", "café", "😀 emoji 👩‍👩‍👧", "50% off_\\now", "it's \"quoted\"", "10", "9", "a\nb", "ΣΊΣΥΦΟΣ", "σίσυφος",
    "ſ", "ŉ", "K", "ǰ", "a", " ", "[x](y){2}|^$.*+?", "C++ #1", "Ⅷ ﬃ", "\ua7cb\U00010d50",
]  # fmt: skip
WORDS = [*TEXTS, "打印", "ss", "i", "print", "on", "%", "_", "\\", "'", "é", "e", "👩", "off", "#1", "\u0307"]
PATTERNS = [
    "print(er|ing)?", "^p", "e$", r"\d+", r"^\d{1,2}$", "打.机", "[一-龥]{2,}", "[A-Z]+", "[^a-z]", r"\s", "straße", "[İ-ı]?s",
    "a.b", r"\W\W", r"\\now", r"[%_]", "(?:on|off)", "^$", "[à-ÿ]", r"50%?", "[σς]", "K", r"[\d\s-]", r"\.\*", "[Α-Ω]{3}", "x|y",
]  # fmt: skip
PEOPLE = [UUID(int=number) for number in (1, 2, 3, 2**127)]
TEAMS = [UUID(int=number) for number in (11, 12, 13)]
TAGS = ["vip", "VIP", "紧急", "a b", "it's", "50%", "back\\slash", '"']
NOWS = [
    datetime(2026, 3, 29, 0, 59, 59, 999999, UTC),  # clocks go forward in Berlin one microsecond later
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 4, 30, tzinfo=UTC),  # midnight comes twice in Havana
    datetime(2025, 3, 29, 22, 0, tzinfo=UTC),  # and never in Beirut
    datetime(2011, 12, 30, 9, 59, tzinfo=UTC),  # Apia leaves out a day
    datetime(2026, 1, 31, 12, 0, tzinfo=UTC),
]
ZONES = ["UTC", "Europe/Berlin", "America/Havana", "Asia/Beirut", "Pacific/Apia", "Asia/Shanghai", "America/St_Johns"]
STEPS = [
    timedelta(0),
    *(timedelta(**{unit: n}) for unit in ("microseconds", "hours", "days", "weeks") for n in (1, -1)),
]
EDGES = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)]
MOMENTS = [now + step for now in NOWS for step in STEPS] + EDGES
NUMBERS = [0, 1, 2, 10, -1, 2**31 - 1]
CUSTOM_NUMBERS = [*NUMBERS, 0.1, 0.5, 1.0, -0.0, 2**53, 2**53 + 1, 2.0**53, 2.0**62, 2**62, 1e-300, 1e18]
WRITTEN = [
    *("2026-03-29", "2026-03-30", "2026-02-30", "0000-01-01", "9999-12-31", "2011-12-30", "2025-03-30", "2026-11-01", "2026-03-28", "2011-12-29", "today"),
    *("2026-03-29T02:30:00+01:00", "2026-03-29T00:59Z", "2026-03-29T00:59:59.999999Z", "2026-03-29T24:00:00Z", "2026-03-29T02:30"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:59", "2026-03-29T00:59:60Z", "2026-03-29\n"),
]  # fmt: skip
PATHS = [["Hardware"], ["Hardware", "Printer"], ["hardware"], ["软件", "50%"], ["Printer", "Hardware"]]
CUSTOM = [
    *(
        None,
        "",
        [],
        {},
        True,
        False,
        {"vip": 1},
        ["vip", 1],
        [["vip"]],
        [None],
        [True],
        ["1"],
        {"a": ["vip"]},
        str(PEOPLE[0]),
    ),
    *(TEXTS + CUSTOM_NUMBERS + WRITTEN + PATHS),
    *([tag] for tag in TAGS),
    *(["vip", "紧急"], ["紧急", "vip", "x"]),
]
OPTIONS = {
    "priority": ["low", "high", "urgent"],
    "kind": ["new", "open", "closed"],
    "shelf": ["desk", "archived", "spam"],
}
FREE_OPTIONS = ["open", "Open", "待处理", "it's", ""]
KEYS = ["a", "b-1", "size"]

seeded = random.Random(20)


def a_fact(kind: FieldType, name: str) -> Any:
    pools: dict[FieldType, list[Any]] = {
        FieldType.OPTION: OPTIONS.get(name, FREE_OPTIONS),
        FieldType.TEXT: [*TEXTS, ""],
        FieldType.PERSON: PEOPLE,
        FieldType.TEAM: TEAMS,
        FieldType.ORGANISATION: TEAMS,
        FieldType.NUMBER: NUMBERS,
        FieldType.MOMENT: MOMENTS,
        FieldType.FLAG: [True, False],
    }
    if seeded.random() < 0.2:
        return None
    if kind in pools:
        return seeded.choice(pools[kind])
    if kind is FieldType.PATH:
        return seeded.choice([[], *PATHS])
    return seeded.sample(TAGS if kind is FieldType.TAGS else PEOPLE, seeded.randint(0, 3))


REQUESTERS = [
    {"requester_id": person} | {field.column: a_fact(field.type, field.name) for field in OF_REQUESTER}
    for person in PEOPLE[:3]
]


def of_requester(person: UUID | None) -> dict[str, Any]:
    known = next((each for each in REQUESTERS if each["requester_id"] == person), {})
    return {field.name: known[field.column] for field in OF_REQUESTER if known.get(field.column) is not None}


def a_ticket() -> dict[str, Any]:
    facts = {field.name: a_fact(field.type, field.name) for field in OF_TICKET}
    custom = {key: seeded.choice(CUSTOM) for key in KEYS if seeded.random() < 0.8}
    facts = {name: value for name, value in facts.items() if value is not None}
    return facts | {"fields": custom} | of_requester(facts.get("requester_id"))


TICKETS = [a_ticket() for _ in range(250)]


@pytest.fixture
def tickets(empty_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """The tables that conditions are compiled for, with the tickets above in them."""
    with psycopg.connect(empty_database_url, autocommit=True) as db:
        db.execute("CREATE SCHEMA desk")
        make(db, "ticket_list", {"id": "int", "fields": "jsonb"} | {f.column: SQL_TYPES[f.type] for f in OF_TICKET})
        make(db, "requester_cards", {"requester_id": "uuid"} | {f.column: SQL_TYPES[f.type] for f in OF_REQUESTER})
        fill(db, "requester_cards", REQUESTERS)
        columns = {field.column for field in OF_TICKET}
        rows = [{"id": n, "fields": Jsonb(t["fields"])} | {c: t.get(c) for c in columns} for n, t in enumerate(TICKETS)]
        fill(db, "ticket_list", rows)
        yield db


def make(db: psycopg.Connection[Any], table: str, columns: dict[str, str]) -> None:
    written = SQL(", ").join(SQL("{} " + kind).format(Identifier(name)) for name, kind in columns.items())
    db.execute(SQL("CREATE TABLE desk.{} ({})").format(Identifier(table), written))


def fill(db: psycopg.Connection[Any], table: str, rows: list[dict[str, Any]]) -> None:
    names, places = SQL(", ").join(map(Identifier, rows[0])), SQL(", ").join([SQL("%s")] * len(rows[0]))
    insert = SQL("INSERT INTO desk.{} ({}) VALUES ({})").format(Identifier(table), names, places)
    db.cursor().executemany(insert, [list(row.values()) for row in rows])


def found(db: psycopg.Connection[Any], condition: Condition, context: Context) -> set[int]:
    expression, params = compiled(condition, context)
    rows = db.execute(SQL("SELECT id, {} FROM desk.ticket_list").format(expression), params).fetchall()
    assert all(holds is not None for _, holds in rows)
    return {number for number, holds in rows if holds}


words = st.sampled_from(WORDS) | st.text(st.sampled_from("aAsſßİıi\u0307%_\\'\"打😀Σς ŉ"), min_size=1, max_size=4)
placeholders = {
    FieldType.PERSON: st.just({"me": True}),
    FieldType.PEOPLE: st.just({"me": True}),
    FieldType.TEAM: st.just({"my_teams": True}),
    FieldType.ORGANISATION: st.just({"my_organisation": True}),
}
moments = st.sampled_from(MOMENTS).map(datetime.isoformat)
numbers = st.sampled_from(CUSTOM_NUMBERS)
spans = st.fixed_dictionaries(
    {
        "amount": st.sampled_from([1, 2, 25, 100_000]),
        "unit": st.sampled_from(["minutes", "hours", "days", "weeks", "months"]),
    }
)
SINGLE: dict[FieldType, Any] = {
    FieldType.OPTION: st.sampled_from(FREE_OPTIONS[:-1]),
    FieldType.PERSON: st.sampled_from(PEOPLE).map(str),
    FieldType.TEAM: st.sampled_from(TEAMS).map(str),
    FieldType.ORGANISATION: st.sampled_from(TEAMS).map(str),
    FieldType.TEXT: words,
    FieldType.TAGS: st.sampled_from(TAGS),
    FieldType.PEOPLE: st.sampled_from(PEOPLE).map(str),
    FieldType.PATH: st.sampled_from(PATHS),
    FieldType.NUMBER: numbers,
    FieldType.MOMENT: moments,
    FieldType.FLAG: st.booleans(),
}
BY_ASKED = {
    Asks.CONTAINS: words,
    Asks.STARTS: words,
    Asks.ENDS: words,
    Asks.WORD: words,
    Asks.WINDOW: moments,
    Asks.COMPARE: numbers,
    Asks.UNDER: SINGLE[FieldType.PATH],
}
MIXED = [FieldType.TEXT, FieldType.NUMBER, FieldType.PATH, FieldType.PERSON, FieldType.TEAM]
CUSTOM_KINDS: dict[Any, list[FieldType]] = {
    Takes.ONE: [*MIXED, FieldType.FLAG],
    Asks.HAS_ANY: [FieldType.TAGS],
    Asks.HAS_ALL: [FieldType.TAGS],
    Asks.COMPARE: [FieldType.MOMENT, FieldType.NUMBER],
}


def operators(name: str) -> dict[str, Operator]:
    """What can be asked of the field in a list."""
    kind = FIELDS[name].type if name in FIELDS else FieldType.CUSTOM
    return {op: what for op, what in OPERATORS[kind].items() if what.asks is not Asks.CHANGED}


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from([*FIELDS, *(f"fields.{key}" for key in KEYS * 8)]))
    return draw(asking(name, draw(st.sampled_from([*operators(name)]))))


@st.composite
def asking(draw: st.DrawFn, name: str, op: str) -> dict[str, Any]:
    kind = FIELDS[name].type if name in FIELDS else FieldType.CUSTOM
    what = operators(name)[op]
    return (
        {"field": name, "op": op, "value": draw(values(draw, name, kind, what))}
        if what.takes is not Takes.NOTHING
        else {"field": name, "op": op}
    )


def values(draw: st.DrawFn, name: str, kind: FieldType, what: Operator) -> Any:
    if what.takes is Takes.SPAN:
        return spans
    if what.takes is Takes.PATTERN:
        return st.sampled_from(PATTERNS)
    one = one_value(draw, name, kind, what)
    match what.takes:
        case Takes.MANY:
            return st.lists(one, min_size=1, max_size=3)
        case Takes.SOME:
            return one | st.lists(one, min_size=1, max_size=3)
        case Takes.PAIR:
            return st.lists(one, min_size=2, max_size=2).map(lambda pair: sorted(pair, key=in_order))
    return one


def in_order(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def one_value(draw: st.DrawFn, name: str, kind: FieldType, what: Operator) -> Any:
    if kind is FieldType.CUSTOM:
        kind = draw(st.sampled_from(CUSTOM_KINDS.get(what.takes if what.asks is Asks.EQUAL else what.asks, MIXED)))
    if what.takes is Takes.PAIR:
        return moments if kind is FieldType.MOMENT else numbers
    if what.asks in BY_ASKED:
        return BY_ASKED[what.asks]
    if name in OPTIONS:
        return st.sampled_from(OPTIONS[name])
    return SINGLE[kind] | placeholders[kind] if kind in placeholders else SINGLE[kind]


conditions = st.recursive(
    leaves(),
    lambda inner: st.lists(inner, max_size=3).flatmap(
        lambda parts: st.sampled_from(["all", "any", "none"]).map(lambda group: {group: parts})
    ),
    max_leaves=6,
)
contexts = st.builds(
    Context,
    now=st.sampled_from(NOWS),
    zone=st.sampled_from(ZONES),
    person=st.none() | st.sampled_from(PEOPLE),
    teams=st.frozensets(st.sampled_from(TEAMS)),
    organisation=st.none() | st.sampled_from(TEAMS),
    merges=st.sampled_from([APART, Merges({TEAMS[0]: TEAMS[1]}), Merges({TEAMS[1]: TEAMS[0]})]),
)


@settings(max_examples=600, suppress_health_check=list(HealthCheck))
@for_all(data=conditions, context=contexts, title=words, custom=st.sampled_from(CUSTOM) | words)
def test_memory_and_sql_give_one_answer(tickets, data, context, title, custom):
    condition = parse(data)
    assert parse(json.loads(condition.model_dump_json())) == condition
    drawn = TICKETS[0] | {"title": title, "fields": dict.fromkeys(KEYS, custom)}
    tickets.execute("UPDATE desk.ticket_list SET title = %s, fields = %s WHERE id = 0", [title, Jsonb(drawn["fields"])])
    expected = {n for n, facts in enumerate([drawn, *TICKETS[1:]]) if evaluate(condition, facts, context)}
    assert found(tickets, condition, context) == expected


def test_each_operator_of_each_field_gives_one_answer(tickets):
    # Drawn at random among all others, one of them alone may never be asked.
    for name in [*FIELDS, "fields.size"]:
        for op in operators(name):
            as_in_memory(tickets, name, op)


def as_in_memory(tickets: psycopg.Connection[Any], name: str, op: str) -> None:
    @settings(max_examples=2, database=None, phases=[Phase.generate])
    @for_all(data=asking(name, op), context=contexts)
    def same(data: dict[str, Any], context: Context) -> None:
        condition = parse(data)
        expected = {n for n, facts in enumerate(TICKETS) if evaluate(condition, facts, context)}
        assert found(tickets, condition, context) == expected

    same()


def test_folding_is_the_same_for_every_character(tickets):
    rows = tickets.execute("""
        SELECT code, casefold(chr(code) COLLATE "pg_unicode_fast") FROM generate_series(1, 1114111) AS code
        WHERE code NOT BETWEEN 55296 AND 57343""")
    assert [hex(code) for code, folded in rows if fold(chr(code)) != folded] == []


@pytest.mark.parametrize("op", ["has_changed", "changed_from", "changed_to"])
def test_lists_cannot_ask_what_has_changed(op):
    value = {} if op == "has_changed" else {"value": "open"}
    condition = parse({"any": [{"none": [{"field": "status", "op": op, **value}]}]})
    with pytest.raises(ComparesWithBefore, match=op):
        compiled(condition, Context(NOWS[0]))


def test_values_never_stand_in_the_text_of_the_query(tickets):
    condition = parse({"all": [
        {"field": "title", "op": "contains", "value": "sentinel"},
        {"field": "fields.sentinel", "op": "is", "value": "sentinel"},
        {"field": "tags", "op": "has_any", "value": ["sentinel"]},
        {"field": "category", "op": "under", "value": ["sentinel"]},
        {"field": "title", "op": "matches", "value": "sentinel"},
    ]})  # fmt: skip
    expression, params = compiled(condition, Context(NOWS[0]))
    assert "sentinel" not in expression.as_string(tickets)
    assert str(params).count("sentinel") == 7


def test_a_comparison_uses_the_index_of_its_column(tickets):
    tickets.execute("CREATE INDEX by_status ON desk.ticket_list (status, updated_at)")
    condition = parse({"all": [{"field": "status", "op": "is", "value": "open"}, {"field": "tags", "op": "is_set"}]})
    tickets.execute("SET enable_seqscan = off")
    expression, params = compiled(condition, Context(NOWS[0]))
    query = SQL("EXPLAIN SELECT id FROM desk.ticket_list WHERE {} ORDER BY updated_at").format(expression)
    plan = "\n".join(line for (line,) in tickets.execute(query, params))
    assert "by_status" in plan
    assert "Sort" not in plan


def test_always_is_always(tickets):
    assert found(tickets, ALWAYS, Context(NOWS[0])) == set(range(len(TICKETS)))
