"""A notice in Redis from a process that loads the Redis client only if it needs it."""

from __future__ import annotations

from functools import partial

from dashapp.process.threads import start_thread
from dashapp.stores.notices import LoggedNotice


class DeferredNotice(LoggedNotice):
    """A notice that a thread writes to Redis. The host's next collector clears it."""

    def __init__(self, url: str, name: str, speaker: str) -> None:
        super().__init__(self._start_sending)
        # Nothing to clear at first: the Redis client is loaded for the first sentence.
        self._sentence = ""
        self._url = url
        self._name = name
        self._speaker = speaker

    def _start_sending(self, sentence: str) -> None:
        start_thread("dashapp notice", partial(self._send, sentence))

    def _send(self, sentence: str) -> None:
        # Imported only here, because the supervisor has to stay small.
        from dashapp.stores.redis.client import RedisClient
        from dashapp.stores.redis.documents import NOTICE_PREFIX, VERSION_FIELD
        from dashapp.stores.redis.keys import Keys

        client = RedisClient(self._url)
        key = Keys(self._name).documents
        client.call(lambda redis: redis.hset(key, NOTICE_PREFIX + self._speaker, sentence), 0)
        client.call(lambda redis: redis.hincrby(key, VERSION_FIELD, 1), 0)
        client.close()
