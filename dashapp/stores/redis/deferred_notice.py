"""A sentence for a host's page from a process that is too small for Redis: told there only when needed."""

from __future__ import annotations

import logging
import time
from threading import Thread

log = logging.getLogger("dashapp")


class DeferredNotice:
    """Logged at most once a minute, and put beside the store without waiting for it. The collector that takes
    the host's turn next clears it."""

    def __init__(self, url: str, name: str, speaker: str) -> None:
        self._url = url
        self._name = name
        self._speaker = speaker
        self._logged = float("-inf")
        self._said = ""

    def set(self, sentence: str) -> None:
        if time.monotonic() - self._logged >= 60:
            self._logged = time.monotonic()
            log.warning(sentence)
        self._put(sentence)

    def clear(self) -> None:
        self._put("")

    def _put(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            Thread(target=self._write, args=(sentence,), daemon=True).start()

    def _write(self, sentence: str) -> None:
        # Only here: the supervisor is to stay small.
        from dashapp.stores.redis.client import RedisClient
        from dashapp.stores.redis.documents import NOTICE_PREFIX, VERSION_FIELD
        from dashapp.stores.redis.keys import Keys

        link = RedisClient(self._url)
        key = Keys(self._name).sheets
        link.call(lambda client: client.hset(key, NOTICE_PREFIX + self._speaker, sentence), 0)
        link.call(lambda client: client.hincrby(key, VERSION_FIELD, 1), 0)
        link.close()
