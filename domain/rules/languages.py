"""Which language somebody is answered in: the one that the ticket says, else the one that its letters are of."""

from collections.abc import Mapping
from typing import Any

# The custom field that says it, by its two letters.
FIELD = "language"
# First and last letter of the scripts that belong to one language, or are read as it where nothing else is known.
_SCRIPTS = (
    ("ja", "\u3040", "\u30ff"),
    ("ko", "\uac00", "\ud7af"),
    ("zh", "\u4e00", "\u9fff"),
    ("ru", "\u0400", "\u04ff"),
    ("ar", "\u0600", "\u06ff"),
    ("he", "\u0590", "\u05ff"),
    ("th", "\u0e00", "\u0e7f"),
    ("el", "\u0370", "\u03ff"),
)


def language_of(fields: Mapping[str, Any], words: str) -> str:
    """Two letters, as zh; Latin letters are taken for English."""
    said = fields.get(FIELD)
    if isinstance(said, str) and said:
        return said[:2].lower()
    # Japanese has Chinese characters beside its own, so its own are looked for first.
    return next((name for name, first, last in _SCRIPTS if any(first <= letter <= last for letter in words)), "en")
