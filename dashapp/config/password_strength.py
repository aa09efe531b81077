"""Whether a secret is easy to guess, by the lists of zxcvbn."""

from __future__ import annotations

import gc
import sys
from functools import lru_cache

# At five attempts per minute, one address needs 190 years for as many guesses.
MIN_GUESSES = 5e8
# The estimate takes longer for a longer text, and a longer text is not easier to guess.
MAX_ESTIMATED_CHARS = 72
# Words that its lists lack: of this program, and of German, whose keyboards it does not know either.
OTHER_WORDS = (
    *("dashapp", "dashboard", "monitor", "grafana", "passwort", "kennwort", "geheim", "willkommen", "hallo"),
    *("qwertzuiop", "asdfghjkl", "yxcvbnm", "frühling", "fruehling", "sommer", "herbst", "winter"),
    *("januar", "februar", "april", "mai", "juni", "juli", "august", "september", "oktober", "november"),
    *("dezember", "montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"),
)


@lru_cache(16)
def is_guessable(text: str) -> bool:
    """Return whether fewer than MIN_GUESSES guesses find the text."""
    was_loaded = "zxcvbn" in sys.modules
    from zxcvbn import zxcvbn

    guesses = float(zxcvbn(text[:MAX_ESTIMATED_CHARS], user_inputs=list(OTHER_WORDS))["guesses"])
    if not was_loaded:
        # Its lists take 12 MB, which no later request needs.
        del zxcvbn
        for name in [name for name in sys.modules if name.partition(".")[0] == "zxcvbn"]:
            del sys.modules[name]
        gc.collect()
    return guesses < MIN_GUESSES
