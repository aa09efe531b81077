"""Two hundred texts without a number, which people pipe into a monitor by mistake."""

from __future__ import annotations

import base64
import random

_WORDS = [
    *("error", "warning", "failed", "starting", "done", "usage", "options", "help", "permission", "denied"),
    *("login", "welcome", "température", "état", "größe", "übersicht", "温度", "сервер"),
]
_KINDS = (
    "<html><head><title>{a}</title></head><body><p>{b} {c}</p></body></html>",
    "<?xml version='1.0'?>\n<{x}><{y}>{b}</{y}></{x}>",
    "{a} {b} {c}\n{b}\n{c} {a}: {b}!",
    "Usage: {x} [OPTION]... FILE\nTry '{x} --help' for more.",
    'Traceback (most recent call last):\n  File "{x}.py", in {y}\nValueError: {a} {b}',
    '["{a}", "{b}", null, true]',
    '{{"{x}": "{a}", "{y}": [], "z": null}}',
    '{{"{x}": "{a}", unfinished',
    "{a}:\n  - {b}\n  - {c}\n",
    "[{a}]\n{b} is {c}\n",
    "{a},{b},{c}\n{c},{a},{b}\n{b},{c},{a}",
    "{a};{b}\n\n\n{c};{a}\n",
    "-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----",
    "\x1b[31m{a}\x1b[0m {b}\n\x1b[2J\x1b[H{c}",
    "{a}\x00{b}\x00{c}",
    "#!/bin/sh\nset -e\nexport {x}\n{y} || exit",
    "\t\t\t\n   \n\t{a}\t{b}\n",
    "{a}\r\n{b}\r\n{c}\r\n",
    "@@@ {a} !!! {b} ??? {c} ***",
    "ssh: {x}: {a} {b}",
)
GARBAGE_COUNT = 200


def garbage(count: int = GARBAGE_COUNT) -> list[bytes]:
    """Return `count` different texts, the same ones at each call."""
    dice = random.Random(18)
    texts: dict[bytes, None] = {}
    while len(texts) < count:
        number = len(texts)
        if number % 10 == 9:
            # Noise without digits and separators, in which no line is a number by chance.
            letters = [byte for byte in range(1, 256) if not 43 <= byte <= 61]
            texts[b"?" + bytes(dice.choices(letters, k=20 + number))] = None
            continue
        a, b, c = dice.sample(_WORDS, 3)
        names = dice.sample(["alpha", "beta", "gamma", "delta"], 2)
        letters_only = str.maketrans("0123456789", "abcdefghij")
        encoded = base64.b64encode(dice.randbytes(30)).decode().translate(letters_only)
        template = dice.choice(_KINDS)
        texts[template.format(a=a, b=b, c=c, x=names[0], y=names[1], base64=encoded).encode()] = None
    return list(texts)
