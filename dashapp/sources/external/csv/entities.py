"""Tables in which a row is about one of several things: entities, hosts, sensors.

Such a table has a column with the name of the thing, and one or more columns of values. Each thing gets its
own metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


# Names of columns that name a thing.
_TEXT_ENTITY_NAMES = _names(
    "entity_id,entity,metric,metric_name,metricname,sensor,sensor_id,sensor name,sensorname,device,device_id,"
    "device name,name,series,host,hostname,instance,instanceid,symbol,ticker,_field,_measurement,field,"
    "measurement,label,labels,node,channel,parameter,variable,friendly_name,server,machine,container,pod,"
    "service,job,location,room,station,station_id,site,meter,meter_id,tag,topic,item,counter,countername,"
    "objectname,instancename,computer,resource,resourceid,uuid,gerät,messstelle,kanal,interface,disk,mount,"
    "mountpoint,filesystem,namespace,region,stock,process,zone"
)
# Numbers under these names are never a measurement, so it is enough that they alternate.
_COUNTED_NAMES = _names(
    "index,id,gpu_id,gpu id,device_id,device id,sensor_id,sensor id,node_id,deviceid,station_id,meter_id,"
    "metadata_id,channel,kanal"
)
_NUMBER_ENTITY_NAMES = _COUNTED_NAMES | _names(
    "gpu,cpu,core,node,station,meter,disk,port,zone,sensor,device,host"
)
_VALUE_NAMES = _names(
    "value,state,_value,wert,val,reading,messwert,valeur,valor,valore,waarde,y,countervalue,mean,"
    "measurement_value"
)
# Columns of InfluxDB that are about its answer.
_IGNORED_NAMES = {"result", "table", "_start", "_stop", "column0"}
MAX_SAMPLE_ROWS, MAX_ENTITIES = 5000, 2000
# A column names things if nearly each row has another text than the row before, or if rows with other texts
# have the same times.
MIN_CHANGES, MIN_ROWS_PER_ENTITY = 0.8, 3
SHARED_TIMES, MIN_UNIQUE = 0.7, 0.99


@dataclass
class EntityColumns:
    """The columns that name the thing of a row.

    `constants` are such columns with one value in all rows.
    """

    columns: tuple[int, ...] = ()
    constants: dict[int, str] = field(default_factory=dict)

    def name(self, cells: Sequence[str]) -> str:
        return " ".join(cells[index] for index in self.columns)


def metric_name(entity: str, column: str, column_count: int) -> str:
    """Return the name of a thing's metric; a single column of values needs no name.

    >>> metric_name("kitchen", "state", 1), metric_name("0", "power", 2)
    ('kitchen', '0.power')
    """
    if not entity:
        return column
    return entity if column_count == 1 and column.lower() in _VALUE_NAMES else f"{entity}.{column}"


def is_ignored(name: str, names: Sequence[str]) -> bool:
    """Return whether a column is about the answer of InfluxDB, not about a thing."""
    return name in _IGNORED_NAMES and "_time" in names and "_value" in names


class EntityFinder:
    """Finds the columns that name things, from the first rows and from all distinct names."""

    def __init__(
        self, names: Sequence[str], text_columns: Sequence[int], number_columns: Sequence[int]
    ) -> None:
        usable = [index for index in text_columns if not is_ignored(names[index], names)]
        plain = [name.lower().strip() for name in names]
        self._named = [index for index in usable if plain[index] in _TEXT_ENTITY_NAMES]
        self._others = [index for index in usable if plain[index] not in _TEXT_ENTITY_NAMES]
        self._numbered = [index for index in number_columns if plain[index] in _NUMBER_ENTITY_NAMES]
        self._is_counted = {index: plain[index] in _COUNTED_NAMES for index in self._numbered}
        self._sampled = [*self._named, *self._others, *self._numbered]
        self._sample: list[tuple[float, dict[int, str]]] = []
        self._values: set[tuple[str, ...]] = set()

    def add(self, time: float, cells: Sequence[str]) -> None:
        if len(self._sample) < MAX_SAMPLE_ROWS:
            self._sample.append((time, {index: cells[index] for index in self._sampled}))
        if len(self._values) < MAX_ENTITIES:
            self._values.add(tuple(cells[index] for index in self._named))

    def find(self) -> EntityColumns:
        """Return the columns; none if the table has one row for each time."""
        distinct = {
            column: {values[position] for values in self._values}
            for position, column in enumerate(self._named)
        }
        constants = {column: next(iter(texts)) for column, texts in distinct.items() if len(texts) == 1}
        columns = [column for column, texts in distinct.items() if len(texts) > 1]
        columns += [
            column for column in self._numbered if self._names_things(column, self._is_counted[column])
        ]
        if not columns:
            columns = [column for column in self._others if self._names_things(column, True)][:1]
        return EntityColumns(tuple(self._fewest(sorted(columns))), constants)

    def _fewest(self, columns: list[int]) -> list[int]:
        """Return the fewest columns that distinguish the same things, the first ones preferred."""
        if set(columns) <= set(self._named):
            rows = [dict(zip(self._named, values, strict=True)) for values in self._values]
        else:
            rows = [{column: cells[column] for column in columns} for _time, cells in self._sample]
        wanted = len({tuple(row[column] for column in columns) for row in rows})
        for column in reversed(columns[:]):
            fewer = [other for other in columns if other != column]
            if fewer and len({tuple(row[other] for other in fewer) for row in rows}) == wanted:
                columns = fewer
        return columns

    def _names_things(self, column: int, can_alternate: bool) -> bool:
        """Return whether the texts of a column are names of things.

        Then they share times or, if `can_alternate`, alternate.
        """
        texts = [cells[column] for _time, cells in self._sample]
        distinct = len(set(texts))
        if distinct < 2 or distinct * 2 > len(texts) or "" in texts:
            return False
        times = {time for time, _cells in self._sample}
        pairs = {(time, text) for (time, _cells), text in zip(self._sample, texts, strict=True)}
        if len(times) < len(pairs) * SHARED_TIMES and len(pairs) >= MIN_UNIQUE * len(self._sample):
            return True
        if not can_alternate or distinct * MIN_ROWS_PER_ENTITY > len(texts):
            return False
        changes = sum(text != later for text, later in pairwise(texts))
        return changes >= MIN_CHANGES * (len(texts) - 1)
