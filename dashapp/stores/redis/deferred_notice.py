"""A sentence for a host's page from a process that is too small for Redis: told there only when needed."""

from __future__ import annotations

from threading import Thread

from dashapp.stores.notices import LoggedNotice


class DeferredNotice(LoggedNotice):
    """Logs the sentence, and writes it to Redis in a thread so that nobody waits for that.

    The collector that next gets the host's lease clears it.
    """

    def __init__(self, url: str, name: str, speaker: str) -> None:
        super().__init__(lambda sentence: Thread(target=self._send, args=(sentence,), daemon=True).start())
        # Nothing to clear at first: this process loads the Redis client only when it is needed.
        self._sentence = ""
        self._url = url
        self._name = name
        self._speaker = speaker

    def _send(self, sentence: str) -> None:
        # Only here: the supervisor is to stay small.
        from dashapp.stores.redis.client import RedisClient
        from dashapp.stores.redis.documents import NOTICE_PREFIX, VERSION_FIELD
        from dashapp.stores.redis.keys import Keys

        link = RedisClient(self._url)
        key = Keys(self._name).sheets
        link.call(lambda client: client.hset(key, NOTICE_PREFIX + self._speaker, sentence), 0)
        link.call(lambda client: client.hincrby(key, VERSION_FIELD, 1), 0)
        link.close()
