"""Opens the databases of the levels, each in its own folder, and recovers damaged ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dashapp.stores.disk.block_storage import IS_BLOCK, IS_ROW, DiskBlockStorage
from dashapp.stores.disk.database import FAILURES, is_corrupt
from dashapp.stores.disk.notices import NoticeFile
from dashapp.stores.disk.salvage import DAMAGED_NAME, finish_quarantine, quarantine, salvage_rows
from dashapp.stores.history.archive import ALL_LEVELS, ASIDE, TOP_LEVELS

LEVEL_NAMES = tuple(name for name, _step, _span in ALL_LEVELS)
TOP_NAMES = tuple(name for name, _step, _span in TOP_LEVELS)


class LevelStorages:
    """Opens the storage of each level by its name. A damaged file is quarantined and replaced.

    The rows of a level, and its newest block, are copied from the damaged file at once. `salvage` copies its
    older blocks, one at a time.
    """

    def __init__(self, folder: Path) -> None:
        self.has_room = True
        self._folder = folder
        self._storages: dict[str, DiskBlockStorage] = {}
        self._salvages: dict[str, Iterator[None]] = {}

    def open(self, name: str) -> DiskBlockStorage:
        """Open the storage of a level again, after an error too."""
        directory = self._folder / name
        directory.mkdir(mode=0o700, exist_ok=True)
        previous = self._storages.pop(name, None)
        if previous is not None:
            previous.close()
            if previous.is_damaged:
                self._quarantine(name)
        try:
            storage = DiskBlockStorage(directory)
        except FAILURES as error:
            if not is_corrupt(error):
                raise
            self._quarantine(name)
            storage = DiskBlockStorage(directory)
        self._storages[name] = storage
        if (directory / DAMAGED_NAME).exists():
            self._start_salvage(name)
        return storage

    def all(self) -> list[DiskBlockStorage]:
        """Return the storages of all levels, finest first. Opens those that are not open."""
        storages = []
        for name in (*LEVEL_NAMES, *(TOP_NAMES if self.has_top() else ())):
            storage = self._storages.get(name)
            storages.append(self.open(name) if storage is None or storage.is_damaged else storage)
        return storages

    def has_top(self) -> bool:
        """Return whether there are records of top processes."""
        name = TOP_NAMES[0]
        return name in self._storages or (self._folder / name / "cache.db").exists()

    def has_aside(self) -> bool:
        return ASIDE in self._storages or (self._folder / ASIDE / "cache.db").exists()

    def aside(self) -> DiskBlockStorage | None:
        """Return the storage of points with wrong times; None if there are none."""
        if not self.has_aside():
            return None
        storage = self._storages.get(ASIDE)
        return self.open(ASIDE) if storage is None or storage.is_damaged else storage

    def salvage(self) -> bool:
        """Copy a block of a damaged file; False if there is none."""
        for name, salvage in list(self._salvages.items()):
            try:
                next(salvage)
            except StopIteration:
                del self._salvages[name]
            except FAILURES:
                # Begin again later; a block that is there already is not copied again.
                self._salvages[name] = self._salvage(name, self._storages[name])
                raise
            return True
        return False

    def close(self) -> None:
        self._salvages.clear()
        for storage in self._storages.values():
            storage.close()
        self._storages.clear()

    def _quarantine(self, name: str) -> None:
        self._salvages.pop(name, None)
        quarantine(self._folder / name)

    def _start_salvage(self, name: str) -> None:
        self._salvages[name] = salvage = self._salvage(name, self._storages[name])
        next(salvage, None)

    def _salvage(self, name: str, storage: DiskBlockStorage) -> Iterator[None]:
        damaged = self._folder / name / DAMAGED_NAME
        for row in salvage_rows(damaged, "key, tag, value", IS_ROW):
            storage.restore(*row)
        blocks = 0
        # Newest block first, because the keys of later blocks follow its key.
        with closing(salvage_rows(damaged, "key, tag, value", IS_BLOCK)) as rows:
            for row in rows:
                storage.restore(*row)
                blocks += 1
                yield
                if not self.has_room:
                    break
        new_name = finish_quarantine(damaged)
        result = f"{blocks} of its blocks were recovered" if blocks else "a new one has begun"
        NoticeFile(self._folder, name).set(
            f"The history by {name} was damaged. It was renamed to {new_name}, and {result}."
        )
