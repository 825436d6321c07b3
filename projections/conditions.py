"""Conditions as SQL over the ticket list: one boolean expression that is never NULL, its values all parameters."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

from psycopg.sql import SQL, Composable, Identifier

from domain.conditions import AllOf, AnyOf, Condition, Context, Leaf, NoneOf
from domain.conditions import predicates as p
from domain.conditions.evaluate import DATE, STAMP
from domain.conditions.fields import Field, FieldType, field_named
from domain.conditions.operators import Asks
from domain.errors import Refusal


class ComparesWithBefore(Refusal):
    """A list or a view was asked what has changed."""

    code = "condition_compares_with_before"
    status = 422
    sentence = "{field} {op} compares a ticket with how it was before: that works in rules, not in lists and views."


class OnlyInRules(Refusal):
    """A list or a view was asked what only a rule knows."""

    code = "condition_only_in_rules"
    status = 422
    sentence = "{field} is about what just happened to a ticket: that works in rules, not in lists and views."


_OF_REQUESTER: LiteralString = (
    "(requester_id IS NOT NULL AND requester_id IN (SELECT requester_id FROM desk.requester_cards WHERE {}))"
)


class Sql(NamedTuple):
    """An expression and its parameters, in the order of its placeholders."""

    text: Composable
    params: list[Any]


def compiled(condition: Condition, context: Context) -> tuple[Composable, list[Any]]:
    """The condition as a boolean expression over `desk.ticket_list`, and its parameters.

    Comparisons of a column stay such that its index can be used.
    """
    return _condition(condition, context)


def _condition(condition: Condition, context: Context) -> Sql:
    match condition:
        case AllOf(all=parts):
            return _joined(" AND ", "TRUE", (_condition(part, context) for part in parts))
        case AnyOf(any=parts):
            return _joined(" OR ", "FALSE", (_condition(part, context) for part in parts))
        case NoneOf(none=parts):
            return _not(_joined(" OR ", "FALSE", (_condition(part, context) for part in parts)))
    return _leaf(condition, context)


def _leaf(leaf: Leaf, context: Context) -> Sql:
    if leaf.operator.asks is Asks.CHANGED:
        raise ComparesWithBefore(field=leaf.field, op=leaf.op)
    field = field_named(leaf.field)
    if field.of_happening:
        raise OnlyInRules(field=leaf.field)
    test = p.predicate(leaf, context)
    found = _custom(test, field.column) if field.type is FieldType.CUSTOM else _column(test, field)
    if field.of_requester:
        found = _of(_OF_REQUESTER, found)
    return _not(found) if leaf.operator.negated else found


def _column(test: p.Predicate, field: Field) -> Sql:
    """The predicate on a column of its own, written so that an index on the column still serves."""
    column = Sql(Identifier(field.column), [])
    match test:
        case p.Never():
            return Sql(SQL("FALSE"), [])
        case p.Is(wanted):
            return _of("({} IS TRUE)" if wanted else "({} IS NOT TRUE)", column)
        case p.Present():
            return _of(_PRESENT.get(field.type, "({} IS NOT NULL)"), column)
    return _of("({} IS NOT NULL AND {})", column, _TESTS[type(test)](test, column))


def _custom(test: p.Predicate, key: str) -> Sql:
    """The predicate on a custom field; a value of another type gives NULL, and NULL does not hold."""
    match test:
        case p.Never():
            return Sql(SQL("FALSE"), [])
        case p.Present():
            return Sql(SQL(_CUSTOM_PRESENT), [key])
        case p.During(window):
            bounds = [DATE, window.first_day, window.end_day, STAMP, window.start, window.end]
            return Sql(SQL(_CUSTOM_DURING), [*bounds, key, key])
    typed = _CUSTOM[type(test)]
    value = Sql(SQL(typed), [key] * typed.count("%s"))
    return _of("COALESCE({}, FALSE)", _TESTS[type(test)](test, value))


_PRESENT: dict[FieldType, LiteralString] = {
    FieldType.TEXT: "({0} IS NOT NULL AND {0} <> '')",
    FieldType.OPTION: "({0} IS NOT NULL AND {0} <> '')",
    FieldType.TAGS: "({0} IS NOT NULL AND cardinality({0}) > 0)",
    FieldType.PEOPLE: "({0} IS NOT NULL AND cardinality({0}) > 0)",
    FieldType.PATH: "({0} IS NOT NULL AND cardinality({0}) > 0)",
}
_CUSTOM_PRESENT: LiteralString = """COALESCE(fields -> %s::text NOT IN ('null', '""', '[]', '{}'), FALSE)"""
_CUSTOM_DURING: LiteralString = """COALESCE((
    SELECT CASE
        WHEN written ~ %s AND pg_input_is_valid(written, 'date')
            THEN written::date >= %s AND written::date < %s
        WHEN written ~ %s AND pg_input_is_valid(written, 'timestamptz')
            THEN written::timestamptz >= %s AND written::timestamptz < %s
        END
    FROM (VALUES (fields ->> %s::text)) AS field (written) WHERE jsonb_typeof(fields -> %s::text) = 'string'), FALSE)"""
_TEXT: LiteralString = "CASE WHEN jsonb_typeof(fields -> %s::text) = 'string' THEN fields ->> %s::text END"
_NUMBER: LiteralString = "CASE WHEN jsonb_typeof(fields -> %s::text) = 'number' THEN (fields -> %s::text)::numeric END"
_FLAG: LiteralString = "CASE WHEN jsonb_typeof(fields -> %s::text) = 'boolean' THEN (fields -> %s::text)::boolean END"
_MEMBERS: LiteralString = """CASE WHEN jsonb_typeof(fields -> %s::text) = 'array' THEN ARRAY(
    SELECT member #>> '{}' FROM jsonb_array_elements(fields -> %s::text) AS member WHERE jsonb_typeof(member) = 'string')
    END"""
_PATH: LiteralString = """CASE WHEN jsonb_typeof(fields -> %s::text) = 'array'
    AND NOT jsonb_path_exists(fields -> %s::text, 'strict $[*] ? (@.type() != "string")') THEN ARRAY(
    SELECT part #>> '{}' FROM jsonb_array_elements(fields -> %s::text) WITH ORDINALITY AS path (part, place) ORDER BY place)
    END"""
_CUSTOM: dict[type[p.Predicate], LiteralString] = (
    dict.fromkeys((p.OneText, p.Contains, p.Starts, p.Ends, p.Matches), _TEXT)
    | dict.fromkeys((p.OneNumber, p.Between), _NUMBER)
    | dict.fromkeys((p.HasAny, p.HasAll), _MEMBERS)
    | dict.fromkeys((p.OnePath, p.Under), _PATH)
    | {p.Is: _FLAG}
)


def _of(template: LiteralString, *parts: Sql) -> Sql:
    """The template with the parts in its places; a part that stands twice ({0} {0}) has no parameters."""
    params = [param for part in parts for param in part.params]
    return Sql(SQL(template).format(*(part.text for part in parts)), params)


def _joined(between: LiteralString, nothing: LiteralString, parts: Iterable[Sql]) -> Sql:
    parts = list(parts)
    if not parts:
        return Sql(SQL(nothing), [])
    return Sql(
        SQL("({})").format(SQL(between).join([part.text for part in parts])),
        [param for part in parts for param in part.params],
    )


def _not(part: Sql) -> Sql:
    return _of("(NOT {})", part)


def _with(template: LiteralString, operand: Sql, *params: Any) -> Sql:
    """The template, which names the operand once and before its own parameters."""
    return Sql(SQL(template).format(operand.text), [*operand.params, *params])


def _one_of(operand: Sql, values: Iterable[Any]) -> Sql:
    """Equality with one value is told apart: rows of an index that are equal to it come in the order of its next column."""
    wanted = list(values)
    return _with("{} = %s", operand, *wanted) if len(wanted) == 1 else _with("{} = ANY(%s)", operand, wanted)


def _folded(operand: Sql) -> Sql:
    # Whatever the locale of the database: domain/conditions/folding.py is the other half of this.
    return _of('casefold(({}) COLLATE "pg_unicode_fast")', operand)


def _needles(template: LiteralString, operand: Sql, params: Iterable[tuple[Any, ...]]) -> Sql:
    folded = _folded(operand)
    return _joined(" OR ", "FALSE", (_with(template, folded, *each) for each in params))


def _between(test: p.Between, operand: Sql) -> Sql:
    low: LiteralString = "({}) > %s" if test.open else "({}) >= %s"
    high: LiteralString = "({}) < %s" if test.open else "({}) <= %s"
    bounds = [(low, test.low), (high, test.high)]
    return _joined(" AND ", "TRUE", (_with(sql, operand, bound) for sql, bound in bounds if bound is not None))


_TESTS: dict[type[p.Predicate], Callable[[Any, Sql], Sql]] = {
    p.OneOf: lambda test, operand: _one_of(operand, sorted(test.values)),
    p.OneText: lambda test, operand: _one_of(_folded(operand), sorted(test.values)),
    p.OneNumber: lambda test, operand: _with("({}) = ANY(%s)", operand, [Decimal(each) for each in test.values]),
    p.OnePath: lambda test, operand: _joined(
        " OR ", "FALSE", (_with("({}) = %s", operand, list(path)) for path in test.values)
    ),
    p.Is: lambda test, operand: _with("({}) = %s", operand, test.wanted),
    p.Contains: lambda test, operand: _needles("strpos({}, %s) > 0", operand, ((each,) for each in test.needles)),
    p.Starts: lambda test, operand: _needles("starts_with({}, %s)", operand, ((each,) for each in test.needles)),
    p.Ends: lambda test, operand: _needles("right({}, %s) = %s", operand, ((len(each), each) for each in test.needles)),
    p.Matches: lambda test, operand: _with("{} ~ %s", _folded(operand), test.pattern),
    p.Between: _between,
    p.During: lambda test, operand: _joined(
        " AND ", "TRUE", (_with("{} >= %s", operand, test.window.start), _with("{} < %s", operand, test.window.end))
    ),
    p.HasAny: lambda test, operand: _with("({}) && %s", operand, sorted(test.values)),
    p.HasAll: lambda test, operand: _with("({}) @> %s", operand, sorted(test.values)),
    p.Under: lambda test, operand: _with("({})[1:%s] = %s", operand, len(test.path), list(test.path)),
}
