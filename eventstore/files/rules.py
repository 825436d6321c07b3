"""Which files a desk takes, and what they are called."""

import re
import unicodedata
from typing import NamedTuple, Self

from domain.errors import InvalidInput
from eventstore.files.errors import FileTypeRefused
from eventstore.settings import Settings

LONGEST_NAME = 200
LONGEST_ENDING = 20
NAMELESS = "file"
ANY_TYPE = "application/octet-stream"
# RFC 6838, section 4.2.
_MEDIA_TYPE = re.compile("[a-z0-9][a-z0-9!#$&^_.+-]{0,98}/[a-z0-9][a-z0-9!#$&^_.+-]{0,98}")
# Marks that let a name be read from right to left: «gpj.exe» would be shown as «exe.jpg».
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class FileRules(NamedTuple):
    """The largest file in bytes; types are endings (`.pdf`), media types or `image/*`, as in HTML's `accept`."""

    limit: int
    taken: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The operator's."""
        return cls(settings.file_limit, _types(settings.file_types), _types(settings.file_types_refused))

    def check(self, name: str, media_type: str) -> None:
        """FileTypeRefused where such a file is not taken."""
        _, dot, ending = name.lower().rpartition(".")
        kinds = {dot + ending, media_type, f"{media_type.partition('/')[0]}/*"}
        if kinds & self.refused or (self.taken and not kinds & self.taken):
            raise FileTypeRefused()


def clean_name(name: str) -> str:
    """The name without folders and what cannot be seen, its ending kept where it is too long."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(c for c in last if unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"} and c not in _TURNING)
    # Windows drops dots and spaces at the end: «tool.exe.» would run.
    return _shortened(" ".join(seen.split()).rstrip(". ")) or NAMELESS


def clean_media_type(text: str) -> str:
    """The media type without parameters; checked for its form only, since nobody can vouch for more."""
    media_type = text.partition(";")[0].strip().lower() or ANY_TYPE
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise InvalidInput(field="Content-Type", reason="must be a media type like application/pdf")
    return media_type


def _shortened(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > LONGEST_ENDING:
        return name[:LONGEST_NAME].rstrip(". ")
    return stem[: LONGEST_NAME - len(ending) - 1] + dot + ending


def _types(text: str) -> frozenset[str]:
    return frozenset(kind.strip().lower() for kind in text.split(",")) - {""}
