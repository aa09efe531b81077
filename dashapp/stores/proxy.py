"""A reader that another reader answers for: whoever is one says which, and what it says otherwise.

Knows no store of its own, so it closes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Cursor, Curves, Metric, Tick
from dashapp.stores.base import Level, Reader


class ReaderProxy:
    def reader(self) -> Reader:
        """Whoever answers this time."""
        raise NotImplementedError

    @property
    def lag_ms(self) -> int:
        return self.reader().lag_ms

    def newest(self) -> Cursor:
        return self.reader().newest()

    def since(self, time: float, limit: int) -> list[Tick]:
        return self.reader().since(time, limit)

    def levels(self) -> Sequence[Level]:
        return self.reader().levels()

    def metrics(self) -> list[Metric]:
        return self.reader().metrics()

    def panel_kinds(self) -> Mapping[str, str]:
        return self.reader().panel_kinds()

    def curves(self) -> Mapping[str, Curves]:
        return self.reader().curves()

    def thresholds(self) -> list[AlertState]:
        return self.reader().thresholds()

    def changes(self) -> list[AlertChange]:
        return self.reader().changes()

    def deliveries(self) -> Mapping[str, int]:
        return self.reader().deliveries()

    def notices(self) -> list[str]:
        return self.reader().notices()

    def close(self) -> None: ...
