"""The language of a request: from the settings, or from its Accept-Language header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dashapp.languages.tables import ENGLISH, Translator, languages

# The setting that leaves the choice to the browser.
AUTO = "auto"
# Key of the setting in the environ: a language, or AUTO.
ENVIRON_KEY = "dashapp.language"
# Longer headers come from no browser, and count as none. Clients can invent any number of short ones.
MAX_HEADER_LENGTH, MAX_CACHED_HEADERS = 500, 256
_RANGE = re.compile(
    r"\s*([a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]\s*=\s*([01](?:\.\d{0,3})?)\s*)?"
)


def choose_language(setting: str, header: str) -> str:
    """Return the language for a request with this Accept-Language header."""
    if setting != AUTO:
        return setting
    return negotiate(header) if len(header) <= MAX_HEADER_LENGTH else ENGLISH


@lru_cache(MAX_CACHED_HEADERS)
def negotiate(header: str) -> str:
    """Return the language that a header prefers, English if we have none of its languages.

    The header is that of RFC 9110, 12.5.4.

    >>> [negotiate(header) for header in ("ja-JP,ja;q=0.9", "en, ja;q=0.5", "de, ja;q=0.1", "ja;q=0", "?!")]
    ['ja', 'en', 'ja', 'en', 'en']
    """
    best, best_quality = ENGLISH, 0.0
    for part in header.split(","):
        match = _RANGE.fullmatch(part)
        quality = min(float(match[2] or 1), 1.0) if match else 0.0
        if match and quality > best_quality and (language := _available(match[1])):
            best, best_quality = language, quality
    return best


def language_of(environ: Mapping[str, Any]) -> str:
    """Return the language of a request by the setting in its environ; English without one."""
    setting: str = environ.get(ENVIRON_KEY, ENGLISH)
    return choose_language(setting, environ.get("HTTP_ACCEPT_LANGUAGE", ""))


def translator_of(environ: Mapping[str, Any]) -> Translator:
    """Return the texts in the language of a request."""
    return Translator(language_of(environ))


def _available(tag: str) -> str:
    """Return the language of a tag such as ja-JP, or of *; empty if we do not have it."""
    if tag == "*":
        return ENGLISH
    lower = tag.lower()
    known = {language.lower(): language for language in languages()}
    while lower not in known and "-" in lower:
        lower = lower.rpartition("-")[0]
    return known.get(lower, "")
