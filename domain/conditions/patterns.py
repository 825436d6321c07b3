"""Regular expressions: a subset that means the same to Rust's engine (in pydantic) and to PostgreSQL's, and that neither
of them needs more than linear time for. What is asked is rewritten for folded text; one spelling serves both engines."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, NoReturn

from pydantic_core import SchemaValidator, core_schema

from domain.conditions.folding import fold
from domain.conditions.refusal import InvalidCondition

LONGEST = 200
DEEPEST = 10
MOST_REPEATS = 255  # as PostgreSQL has it
LARGEST = 1000  # characters and classes, repetitions written out
WIDEST = 50_000  # characters in all ranges together: 一-龥 has 20,902

_CLASSES = {"d": [(48, 57)], "w": [(48, 57), (65, 90), (95, 95), (97, 122)], "s": [(9, 13), (32, 32)]}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_QUANTIFIERS = {"*": (0, None), "+": (1, None), "?": (0, 1)}

# Letters of the scripts that put spaces between words; 打印机 is a word wherever it stands.
_LETTERS: list[tuple[int, int]] = [
    (48, 57), (95, 95), (97, 122), (0xAA, 0xAA), (0xB5, 0xB5), (0xBA, 0xBA), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x52F),
    (0x531, 0x587), (0x5D0, 0x5EA), (0x620, 0x65F), (0x66E, 0x6D3), (0x1E00, 0x1FFF),
]  # fmt: skip
Ranges = list[tuple[int, int]]


class Piece(NamedTuple):
    """A part of the pattern as the engines read it; how large, and whether something in it repeats without end."""

    text: str
    size: int = 1
    endless: bool = False


def translated(pattern: str, place: str = "value") -> str:
    """The pattern for folded text, as both engines read it; raises InvalidCondition for what is not in the subset."""
    if len(pattern) > LONGEST:
        raise InvalidCondition(place=place, reason=f"A regular expression has at most {LONGEST} characters.")
    return f"(?s){_Reader(pattern, place).whole().text}"


def word(text: str) -> str:
    """A pattern for the folded text where no letter or digit of an alphabet touches its ends."""
    folded = fold(text)
    letters = "".join(_span(low, high) for low, high in _LETTERS)
    before = f"(?:^|[^{letters}])" if _is_letter(folded[0]) else ""
    after = f"(?:$|[^{letters}])" if _is_letter(folded[-1]) else ""
    return f"(?s){before}{''.join(map(_literal, folded))}{after}"


@lru_cache(maxsize=1024)
def searcher(translated_pattern: str) -> Callable[[str], bool]:
    """Whether a folded text has a match anywhere, in time linear in its length."""
    schema = core_schema.str_schema(pattern=translated_pattern, regex_engine="rust-regex")
    return SchemaValidator(schema).isinstance_python


def _is_letter(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in _LETTERS)


def _literal(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _span(low: int, high: int) -> str:
    return _literal(chr(low)) if low == high else f"{_literal(chr(low))}-{_literal(chr(high))}"


def _class(ranges: Ranges, *, negated: bool = False) -> str:
    return f"[{'^' if negated else ''}{''.join(_span(low, high) for low, high in ranges)}]"


def _folds(low: int, high: int) -> Ranges:
    """The characters that those between become; what becomes several is left to literals."""
    folded = {fold(chr(code)) for code in range(low, high + 1) if not 0xD800 <= code < 0xE000}
    return [(ord(each), ord(each)) for each in sorted(folded) if len(each) == 1 and not low <= ord(each) <= high]


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str, place: str) -> None:
        self.pattern, self.place = pattern, place
        self.at = self.depth = self.width = 0

    def whole(self) -> Piece:
        piece = self.alternatives()
        if self.at < len(self.pattern):
            self.refuse("there is a closing bracket too many")
        try:
            searcher(f"(?s){piece.text}")
        except Exception:  # noqa: BLE001 - whatever else the engine has against it
            self.refuse("it is too large")
        return piece

    def refuse(self, reason: str) -> NoReturn:
        raise InvalidCondition(place=self.place, reason=f"The regular expression at character {self.at + 1}: {reason}.")

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self, what: str) -> bool:
        found = self.pattern.startswith(what, self.at)
        self.at += len(what) if found else 0
        return found

    def next(self) -> str:
        if self.at == len(self.pattern):
            self.refuse("it ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def alternatives(self) -> Piece:
        branches = [self.branch()]
        while self.take("|"):
            branches.append(self.branch())
        return self.sized("|".join(branch.text for branch in branches), branches)

    def branch(self) -> Piece:
        pieces = []
        while self.peek() not in ("", "|", ")"):
            pieces.append(self.quantified(self.atom()))
        if not pieces:
            self.refuse("an alternative is empty")
        return self.sized("".join(piece.text for piece in pieces), pieces)

    def sized(self, text: str, pieces: list[Piece], times: int = 1) -> Piece:
        size = times * sum(piece.size for piece in pieces)
        if size > LARGEST:
            self.refuse("it is too large; repeat less")
        return Piece(text, size, any(piece.endless for piece in pieces))

    def atom(self) -> Piece:
        match character := self.next():
            case "(":
                return self.group()
            case "[":
                return Piece(self.bracket())
            case "." | "^" | "$":
                return Piece(character)
            case "\\":
                return self.escape()
            case "*" | "+" | "?" | "{":
                self.refuse(f"there is nothing to repeat; write \\{character} for the character")
        folded = fold(character)
        text = "".join(map(_literal, folded))
        return Piece(text if len(folded) == 1 else f"(?:{text})", len(folded))

    def group(self) -> Piece:
        if self.peek() == "?" and not self.take("?:"):
            self.refuse("groups may begin with (?: only, without looking ahead or back, names or options")
        if self.depth == DEEPEST:
            self.refuse(f"groups may be nested {DEEPEST} deep")
        self.depth += 1
        inner = self.alternatives()
        self.depth -= 1
        if not self.take(")"):
            self.refuse("a closing bracket is missing")
        return inner._replace(text=f"(?:{inner.text})")

    def escape(self) -> Piece:
        character = self.next()
        if ranges := _CLASSES.get(character.lower()):
            return Piece(_class(ranges, negated=character.isupper()))
        return Piece(_literal(self.escaped(character)))

    def escaped(self, character: str) -> str:
        """The character that a backslash before this one means."""
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character == "b":
            self.refuse("\\b is not available; use the operator contains_word")
        if character.isalnum() or not character.isascii():
            self.refuse("only \\d \\w \\s \\D \\W \\S \\t \\n \\r and punctuation may follow a backslash")
        return character

    def quantified(self, piece: Piece) -> Piece:
        bounds = self.bounds()
        if bounds is None:
            return piece
        low, high = bounds
        if piece.text in ("^", "$"):
            self.refuse("^ and $ cannot be repeated")
        if high is None and piece.endless:
            self.refuse("a repetition without end cannot be repeated without end")
        self.take("?")  # as few or as many as possible: it matches or it does not
        if self.peek() in ("*", "+", "?", "{") and self.peek():
            self.refuse("a repetition cannot be repeated; use brackets")
        repeat = f"{{{low},{'' if high is None else high}}}"
        return self.sized(piece.text + repeat, [piece], max(low, high or low + 1))._replace(
            endless=piece.endless or high is None
        )

    def bounds(self) -> tuple[int, int | None] | None:
        if simple := _QUANTIFIERS.get(self.peek()):
            self.at += 1
            return simple
        if not self.take("{"):
            return None
        low = self.count()
        high: int | None = low
        if self.take(","):
            high = None if self.peek() == "}" else self.count()
        if not self.take("}") or (high is not None and high < low):
            self.refuse("a repetition is {2}, {2,} or {2,5}")
        return low, high

    def count(self) -> int:
        begin = self.at
        while self.peek().isascii() and self.peek().isdigit():
            self.at += 1
        digits = self.pattern[begin : self.at]
        if not digits or len(digits) > 3 or int(digits) > MOST_REPEATS:
            self.refuse(f"repeat 0 to {MOST_REPEATS} times; write \\{{ for the character")
        return int(digits)

    def bracket(self) -> str:
        negated = self.take("^")
        ranges: Ranges = []
        while not self.take("]"):
            ranges += self.member()
        if not ranges:
            self.refuse("[ ] is empty")
        return _class(ranges, negated=negated)

    def member(self) -> Ranges:
        low = self.next()
        if low == "[":
            self.refuse("write \\[ for the character")
        if low == "\\":
            low = self.next()
            if low in _CLASSES:
                return _CLASSES[low]
            low = self.escaped(low)
        if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("", "]"):
            self.at += 1
            return self.range_from(low)
        if len(fold(low)) > 1:
            self.refuse("this character is several when case does not count; write it outside of [ ]")
        return [(ord(low), ord(low)), *_folds(ord(low), ord(low))]

    def range_from(self, low: str) -> Ranges:
        high = self.next()
        if high == "\\":
            high = self.escaped(self.next())
        self.width += ord(high) - ord(low)
        if high < low or self.width > WIDEST:
            self.refuse(f"a range goes upwards, and ranges have at most {WIDEST} characters together")
        return [(ord(low), ord(high)), *_folds(ord(low), ord(high))]
