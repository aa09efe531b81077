"""The archive in Redis: compacted, rolled up, read and expired by the same code as on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
from effort import calls_of
from redis_server import RedisServer, cluster_at, needs_redis, redis_at
from redis_store import drain
from waiting import PATIENCE_S, wait_for

from dashapp.model.ticks import Tick
from dashapp.query.frames import Frame, live_frame, past_frame
from dashapp.stores.base import Reader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import Retention
from dashapp.stores.history.mean_levels import hourly_means
from dashapp.stores.redis import archive
from dashapp.stores.redis import client as redis_link
from dashapp.stores.redis.client import Connection, RedisClient, Result
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis
START = 1_795_216_800  # a whole hour
HOURS = 14
# Seconds between two ticks, ticks per hour, and ticks per compacted span.
STEP, RATE, SPAN = 30, 120, 20


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    """A late response is no gap here: the machine is slow, not Redis."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(redis_link, "SLOW_RESPONSE_S", PATIENCE_S)
        yield


def redis_client(url: str) -> RedisClient:
    return RedisClient(url, PATIENCE_S)


@pytest.fixture(scope="module", params=["redis", "redis+cluster"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("redis")
    if request.param == "redis":
        with redis_at(folder) as server:
            yield server.url
    else:
        with cluster_at(folder) as nodes:
            yield nodes[0].url.replace("redis://", "redis+cluster://")


def ticks(hours: int) -> list[Tick]:
    return [
        Tick(START + second, STEP, {"cpu": second % 97 + 0.25, **({"gone": 1.0} if second % 60 else {})})
        for second in range(STEP, hours * 3600 + 1, STEP)
    ]


def fill(store: RedisStore | DiskStore, found: list[Tick]) -> None:
    for place, tick in enumerate(found):
        assert store.append(tick)
        if isinstance(store, RedisStore) and place % SPAN == SPAN - 1:
            drain(store)  # the writer compacts one span per round, and needs its rounds between ticks


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiskStore]:
    with closing(DiskStore(tmp_path_factory.mktemp("disk"))) as store:
        fill(store, ticks(HOURS))
        yield store


@pytest.fixture(scope="module")
def readers(url: str, disk: DiskStore) -> tuple[Reader, Reader]:
    """The same history on disk and in Redis."""
    with closing(RedisStore(redis_client(url), "filled")) as store:
        fill(store, ticks(HOURS))
    reader = RedisReader(redis_client(url), "filled")
    reader.poll()
    return disk, reader


def assert_frames_equal(one: Frame, other: Frame) -> None:
    assert list(one.t) == list(other.t)
    assert one.step == other.step
    for part, its in ((one.y, other.y), (one.low, other.low), (one.high, other.high)):
        assert part.keys() == its.keys()
        for key in part:
            np.testing.assert_array_equal(part[key], its[key])


@pytest.mark.parametrize("window", [200, 1800, 7200, 6 * 3600, HOURS * 3600, 86_400 * 30])
def test_live_frame_equals_that_of_disk_store(readers: tuple[Reader, Reader], window: float) -> None:
    disk, redis = readers
    assert len(live_frame(redis, window).t) > 5
    assert_frames_equal(live_frame(disk, window), live_frame(redis, window))


@pytest.mark.parametrize(("first", "hours"), [(0, 1), (3, 0.5), (5, 7), (0, 14), (13, 1)])
def test_past_frame_equals_that_of_disk_store(
    readers: tuple[Reader, Reader], first: int, hours: float
) -> None:
    disk, redis = readers
    start = (START + first * 3600) * 1000
    end = start + int(hours * 3_600_000)
    assert_frames_equal(past_frame(disk, start, end), past_frame(redis, start, end))


def test_means_without_numpy_equal_those_of_the_levels(readers: tuple[Reader, Reader]) -> None:
    """Some minutes and hours are in blocks, and the others in rows."""
    start, end, keys = 1000 * START, 1000 * (START + 14 * 3600), ["cpu", "gone", "absent"]
    for reader in readers:
        assert isinstance(reader, DiskStore | RedisReader)
        minutes, hours = reader.mean_levels()
        for level, other in ((minutes, reader.levels()[1]), (hours, reader.levels()[2])):
            columns = other.columns(start, end, keys)
            expected = {
                key: [*zip(columns.t.tolist(), mean.tolist(), strict=True)]
                for key, mean in zip(columns.keys, columns.mean, strict=True)
            }
            means = level.means(start, end, keys)
            assert means.pop("absent") == []
            assert len(means["cpu"]) > 5
            assert means.keys() == expected.keys()
            for key, rows in means.items():
                assert [time for time, _ in rows] == [time for time, _ in expected[key]]
                assert [mean for _, mean in rows] == pytest.approx([mean for _, mean in expected[key]])
        last = end // 3_600_000 * 3_600_000
        joined = hourly_means((minutes, hours), start, last, ["cpu"])["cpu"]
        first = -(-start // 3_600_000) * 3_600_000
        assert [time for time, _ in joined] == [*range(first, last + 1, 3_600_000)]


def test_stream_contains_only_ticks_that_are_not_compacted(url: str, readers: tuple[Reader, Reader]) -> None:
    count = redis_client(url).connection.xlen(Keys("filled").ticks)
    assert 2 * SPAN >= count - 1 >= SPAN - 1


def test_archive_drops_blocks_older_than_retention(url: str) -> None:
    kept = Retention(ticks=3600, minutes=7200, hours=86_400)
    with closing(RedisStore(redis_client(url), "short", retention=kept)) as store:
        fill(store, ticks(HOURS))
    reader = RedisReader(redis_client(url), "short")
    reader.poll()
    seconds, minutes, hours = reader.levels()
    newest = reader.newest_cursor.time_ms
    oldest = seconds.oldest()
    assert oldest is not None
    assert oldest >= newest - 2 * 3_600_000
    assert (hours.oldest() or 0) <= START * 1000 + 3_600_000
    client, keys = redis_client(url).connection, Keys("short")
    for level in ("seconds", "minutes", "hours"):
        assert client.hlen(keys.of(f"{level}.blocks")) == client.zcard(keys.of(f"{level}.ends"))
    del minutes


def test_archive_drops_blocks_above_size_limit(url: str) -> None:
    with closing(RedisStore(redis_client(url), "small", retention=Retention(size=2000))) as store:
        fill(store, ticks(3))
        client, keys = redis_client(url).connection, Keys("small")
        wait_for(lambda: sum(map(len, client.hvals(keys.of("seconds.blocks")))) <= 2000)
        assert client.hlen(keys.of("seconds.blocks")) >= 1


def test_corrupt_block_is_gap_with_notice(url: str) -> None:
    with closing(RedisStore(redis_client(url), "hurt")) as store:
        fill(store, ticks(1))
    client, keys = redis_client(url).connection, Keys("hurt")
    ends = sorted(map(int, client.hkeys(keys.of("seconds.blocks"))))
    client.hset(keys.of("seconds.blocks"), ends[1], b"nonsense")
    client.hset(keys.of("seconds.blocks"), ends[2], b"")
    reader = RedisReader(redis_client(url), "hurt")
    reader.poll()
    found = live_frame(reader, 3600)
    assert np.isnan(found.y["cpu"]).any()
    assert any("2 blocks of the history are corrupt" in said for said in reader.notices())


def test_archive_counts_ticks_once_after_restarts(url: str, readers: tuple[Reader, Reader]) -> None:
    """Fault 31 with over a dozen writers, all stopped without `close`."""
    made = ticks(HOURS)
    for place in range(0, len(made), RATE + 10):
        store = RedisStore(redis_client(url), "often")
        fill(store, made[place : place + RATE + 10])
        drain(store)
        store.writer.stop()
        store.lease.release()
    reader = RedisReader(redis_client(url), "often")
    reader.poll()
    assert_frames_equal(live_frame(readers[0], HOURS * 3600), live_frame(reader, HOURS * 3600))


class CountingClient(RedisClient):
    """A client that counts the calls that reach Redis."""

    asked = 0

    def call(self, do: Callable[[Connection], Result], otherwise: Result) -> Result:
        def counted(client: Connection) -> Result:
            self.asked += 1
            return do(client)

        return super().call(counted, otherwise)


def test_reader_waits_once_when_redis_is_down(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(RedisStore(redis_client(redis.url), "a")) as store:
        fill(store, ticks(4))
    link = CountingClient(redis.url, 1.0)
    reader = RedisReader(link, "a")
    reader.poll()
    whole = live_frame(reader, 4 * 3600)
    with monkeypatch.context() as patched:
        # After the first timeout no second request is sent, even on a slow machine.
        patched.setattr(redis_link, "CIRCUIT_OPEN_S", PATIENCE_S)
        patched.setattr(archive, "CACHE_TTL_S", 0.0)
        redis.freeze()
        link.asked = 0
        found = live_frame(reader, 4 * 3600)
        past_frame(reader, START * 1000, (START + 7200) * 1000)
        live_frame(reader, 4 * 3600)
        assert link.asked == 1
    # The blocks that were read before are still cached; the rest is a gap.
    assert found.t[-1] == whole.t[-1]
    redis.thaw()
    link._open_until = 0.0
    wait_for(lambda: list(live_frame(reader, 4 * 3600).t) == list(whole.t))


def test_hosts_compact_at_different_times(redis: RedisServer) -> None:
    """Their spans end together, and writing 10,000 MB at once would block Redis."""
    sealed = {}
    for name in ("a", "b", "c"):
        with closing(RedisStore(redis_client(redis.url), name)) as store:
            sealed[name] = _seconds_until_compaction(store, name)
    assert all(1200 <= seconds <= 1262 for seconds in sealed.values())
    assert len(set(sealed.values())) == 3


def _seconds_until_compaction(store: RedisStore, name: str) -> int:
    """Return the seconds from the start of a span to the tick that compacted it."""
    for second in range(2, 1300, 2):
        assert store.append(Tick(START + second, 2, {"cpu": 1.0}))
        if second > 1190:
            drain(store)
            if any(level.newest() for level in RedisReader(store.lease.client, name).levels()):
                return second
    return 0


def test_compaction_of_2000_metrics_leaves_time_for_heartbeats(redis: RedisServer) -> None:
    """A long round would lose the lease. Work is counted in calls of functions."""
    keys = [f"app.service{number}.requests" for number in range(2000)]
    costs: list[int] = []
    with closing(RedisStore(redis_client(redis.url), "wide")) as store:
        on_round = store.writer._on_round

        def count(stored_ms: int) -> None:
            costs.append(calls_of(lambda: on_round(stored_ms)))

        store.writer._on_round = count
        for second in range(10, 1400, 10):
            store.append(Tick(START + second, 10.0, dict.fromkeys(keys, second / 10)))
            store.drain(PATIENCE_S)
        wait_for(lambda: store.levels()[1].newest() >= 1000 * (START + 600))
        assert not store.writer.is_lost
        assert max(costs) < sum(costs) / 4
        ticks = store.levels()[0].columns(0, 1 << 60, [keys[1]])
        assert ticks.t.tolist() == [
            1000 * (START + second) for second in range(10, int(ticks.t[-1]) // 1000 - START + 1, 10)
        ]
