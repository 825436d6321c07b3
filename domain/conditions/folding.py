"""Case does not count in texts: one folding for Python and PostgreSQL, whatever the locale of the database."""

import re

# Unicode 16, as PostgreSQL 18 has it, folds these; Python before 3.14 does not know them yet.
_NEWER = {0x1C89: 0x1C8A, 0xA7CB: 0x264, 0xA7CC: 0xA7CD, 0xA7DA: 0xA7DB, 0xA7DC: 0x19B} | {
    capital: capital + 0x20 for capital in range(0x10D50, 0x10D66)
}
_HAS_NEWER = re.compile(f"[{''.join(map(chr, _NEWER))}]").search


def fold(text: str) -> str:
    """Full Unicode case folding, character by character: ß is ss, İ is i with a dot above; nothing is normalised.

    The same as `casefold(text COLLATE "pg_unicode_fast")`; a test holds the two together over all of Unicode.
    """
    if text.isascii():
        return text.lower()
    folded = text.casefold()
    return folded.translate(_NEWER) if _HAS_NEWER(folded) else folded
