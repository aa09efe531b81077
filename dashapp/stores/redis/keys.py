"""The keys of a host in Redis, and the scripts that run there.

All keys of a host have its name in braces. A cluster then keeps them on one node, so that a script may use
them together, and spreads the hosts.
"""

from __future__ import annotations

import hashlib
import re

from dashapp.stores.cached_reader import NO_GENERATION

KEY_PREFIX = "dashapp:"
# A hash from a host's name to the arrival of its newest tick, by Redis' clock, and JSON for the list of
# hosts.
REGISTRY_KEY = KEY_PREFIX + "hosts"
# The metrics in the list of hosts.
HOST_LIST_METRICS = (
    "cpu.percent",
    "memory.percent",
    "load.1",
    "swap.percent",
    "network.received",
    "network.sent",
)
# The random secret of all sessions, and a hash from a slot to the times of its login attempts.
SECRET_KEY, ATTEMPTS_KEY = KEY_PREFIX + "secret", KEY_PREFIX + "attempts"
# `aside` has points with wrong times, which no reader opens.
LEVELS = ("seconds", "minutes", "hours", "aside", "top-seconds", "top-minutes", "top-hours")

# The type of each key of a host, by the last part of its name.
KEY_TYPES = {
    "turn": "string",
    "life": "string",
    "ticks": "stream",
    "sheets": "hash",
    "rewind": "string",
    "push": "stream",
    "push.size": "string",
    "push.looked": "string",
    **{f"{level}.{part}": kind for level in LEVELS for part, kind in
       (("rows", "zset"), ("ends", "zset"), ("blocks", "hash"))}
}  # fmt: skip


class Keys:
    """The keys of one host."""

    def __init__(self, name: str) -> None:
        self._before = f"{KEY_PREFIX}{{{name}}}:"
        self.lease, self.generation, self.ticks, self.documents = map(
            self.of, ("turn", "life", "ticks", "sheets")
        )
        self.push, self.push_size, self.looked = map(self.of, ("push", "push.size", "push.looked"))

    def of(self, part: str) -> str:
        return self._before + part

    def all(self) -> dict[str, str]:
        """Return each key with its type."""
        return {self.of(part): kind for part, kind in KEY_TYPES.items()}


def parse_generation(text: bytes | None) -> str:
    """Return the generation of a history in Redis as 16 hex digits.

    Other programs can write any text.
    """
    if not text:
        return NO_GENERATION
    if re.fullmatch(rb"[0-9a-f]{16}", text):
        return text.decode()
    return hashlib.sha256(text).hexdigest()[:16]


# The writer's lease is a key with its token, which expires soon after the last heartbeat. A writer whose
# lease expired while Redis was down acquires it again, unless another did.
_CHECK_LEASE = """
local lease = redis.call('GET', KEYS[1])
if lease and lease ~= ARGV[1] then return {'lost'} end
"""
# At the end of a script: once a script has written anything, Redis lets it finish even if its memory is full.
_RENEW_LEASE = """
if lease then redis.call('PEXPIRE', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
"""

# Other programs can add entries to the stream, at any time. An entry of a collector has its time twice.
_NEWEST_TIME = """
local function newest_time(key, if_unknown)
  local stop = '+'
  for _ = 1, 100 do
    local entry = redis.call('XREVRANGE', key, stop, '-', 'COUNT', 1)[1]
    if not entry then return 0 end
    local fields = entry[2]
    if fields[1] == 't' and fields[3] == 'd' and string.match(fields[2], '^%d+$') then
      local time = tonumber(string.match(fields[4], '^%[(%d+%.?%d*),'))
      if time and math.abs(time * 1000 - tonumber(fields[2])) <= 1 then return tonumber(fields[2]) end
    end
    stop = '(' .. entry[1]
  end
  return if_unknown
end
"""

# KEYS ticks. Returns the time of the newest tick in ms, 0 if there is none.
NEWEST_TIME_SCRIPT = _NEWEST_TIME + "return string.format('%d', newest_time(KEYS[1], 0))"

# KEYS lease, ticks, generation, push, push size. ARGV token, lease ms, maximum ticks, expiry ms, expected
# newest time, generation for a new store. Then for each row its time, its text and the last pushed record in
# it. A row that is already there, from a try without a reply, is left out.
APPEND_SCRIPT = (
    _CHECK_LEASE
    + _NEWEST_TIME
    + """
local generation = redis.call('GET', KEYS[3])
if not generation then
  generation = ARGV[6]
  redis.call('SET', KEYS[3], generation)
end
local newest = newest_time(KEYS[2], tonumber(ARGV[5]))
if newest < tonumber(ARGV[5]) then return {'behind', string.format('%d', newest), generation} end
local seen = ''
for i = 7, #ARGV, 3 do
  if tonumber(ARGV[i]) > newest then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 't', ARGV[i], 'd', ARGV[i + 1])
    newest = tonumber(ARGV[i])
    if ARGV[i + 2] ~= '' then seen = ARGV[i + 2] end
  end
end
if seen ~= '' then
  local size = 0
  local taken = redis.call('XRANGE', KEYS[4], '-', seen)
  for _, entry in ipairs(taken) do
    size = size + #entry[2][2]
    redis.call('XDEL', KEYS[4], entry[1])
  end
  redis.call('DECRBY', KEYS[5], size)
end
for i = 2, 5 do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
"""
    + _RENEW_LEASE
    + "return {'kept', string.format('%d', newest), generation}"
)

# KEYS lease and the keys of the commands. ARGV token, lease ms, expiry ms; then for each command its number
# of arguments, and these.
MULTI_COMMAND_SCRIPT = (
    _CHECK_LEASE
    + """
local at = 4
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + count))
  at = at + count + 1
end
for i = 2, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
"""
    + _RENEW_LEASE
    + "return {'done'}"
)

# KEYS registry, and the lease if both are on one node. ARGV host name, registry entry, token.
REGISTER_SCRIPT = """
if KEYS[2] and redis.call('GET', KEYS[2]) ~= ARGV[3] then return '' end
local now = redis.call('TIME')
local ms = string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('HSET', KEYS[1], ARGV[1], ms .. ' ' .. ARGV[2])
return ms
"""

# Other programs can write to the same Redis. `bound` replaces texts that are too long, and those after the
# limit of all texts together, by empty ones. It counts the former.
_BOUND = """
local max_length, max_total, dropped, is_cut = tonumber(ARGV[1]), tonumber(ARGV[2]), 0, 0
local function bound(value)
  if type(value) == 'table' then
    for i = 1, #value do value[i] = bound(value[i]) end
  elseif type(value) == 'string' then
    if #value > max_length then dropped = dropped + 1 elseif #value > max_total then is_cut = 1 end
    if #value > max_length or #value > max_total then return '' end
    max_total = max_total - #value
  end
  return value
end
local function fields(key, max_count)
  if redis.call('HLEN', key) > max_count then
    dropped = dropped + 1
    return {}
  end
  return bound(redis.call('HGETALL', key))
end
"""

# KEYS one key. ARGV maximum bytes of a text, and of all; a command that reads the key, and its arguments.
# Returns the number of texts that were too long, and the reply.
READ_SCRIPT = (
    _BOUND
    + """
local reply = bound(redis.call(ARGV[3], KEYS[1], unpack(ARGV, 4)))
return {dropped, reply}
"""
)

# Reads a stream in parts, and ends after some long entries: not all of them should pass through the script.
_READ_ENTRIES = """
local function read_entries(command, key, start, stop, count)
  local entries, size = {}, 8
  while #entries < count do
    local asked = math.min(size, count - #entries)
    local part = redis.call(command, key, start, stop, 'COUNT', asked)
    for _, entry in ipairs(part) do
      start = '(' .. entry[1]
      entry = bound(entry)
      if is_cut == 0 or #entries == 0 then entries[#entries + 1] = entry end
      if is_cut == 1 or dropped > 8 then
        is_cut = 1
        return entries
      end
    end
    if #part < asked then return entries end
    size = math.min(2 * size, 256)
  end
  return entries
end
"""

# KEYS stream. ARGV maximum bytes of a text, and of all; command, start, end and maximum entries. Returns the
# number of texts that were too long, and the entries.
READ_ENTRIES_SCRIPT = (
    _BOUND
    + _READ_ENTRIES
    + """
local entries = read_entries(ARGV[3], KEYS[1], ARGV[4], ARGV[5], tonumber(ARGV[6]))
return {dropped, entries}
"""
)

# KEYS generation, ticks, documents. ARGV maximum bytes of a text, and of all; the id of the last known entry,
# or empty text for the newest; maximum entries. Then the field of the version, and the maximum number of
# fields, or empty text to read only the version. Returns the number of texts that were too long, 1 if there
# are more entries, the generation, the entries, and the version or all fields.
POLL_SCRIPT = (
    _BOUND
    + _READ_ENTRIES
    + """
local entries
if ARGV[3] == '' then entries = read_entries('XREVRANGE', KEYS[2], '+', '-', tonumber(ARGV[4]))
else entries = read_entries('XRANGE', KEYS[2], ARGV[3], '+', tonumber(ARGV[4])) end
local is_cut_entries = is_cut
max_total, is_cut = tonumber(ARGV[2]), 0
local documents
if ARGV[6] == '' then documents = bound(redis.call('HGET', KEYS[3], ARGV[5]))
else documents = fields(KEYS[3], tonumber(ARGV[6])) end
dropped = dropped + is_cut
return {dropped, is_cut_entries, bound(redis.call('GETRANGE', KEYS[1], 0, 63)), entries, documents}
"""
)

# KEYS registry. ARGV maximum bytes of a text, of all, and hosts. Returns Redis' clock, all registry entries,
# and the number of texts that were too long.
LIST_HOSTS_SCRIPT = (
    _BOUND
    + "local hosts = fields(KEYS[1], tonumber(ARGV[3])) return {redis.call('TIME'), hosts, dropped + is_cut}"
)

# KEYS lease. ARGV token, lease ms. Returns the holder's token.
ACQUIRE_LEASE_SCRIPT = """
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX')
return redis.call('GET', KEYS[1])
"""

# KEYS lease. ARGV token.
RELEASE_LEASE_SCRIPT = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"

# KEYS push, push size, the collector's last read. ARGV record, maximum bytes, expiry ms, whether to reject it
# without a collector.
PUSH_SCRIPT = """
if ARGV[4] == '1' and redis.call('EXISTS', KEYS[3]) == 0 then return 'away' end
local size = tonumber(redis.call('GET', KEYS[2]) or '0')
if size + #ARGV[1] > tonumber(ARGV[2]) then return 'full' end
redis.call('XADD', KEYS[1], '*', 'r', ARGV[1])
redis.call('INCRBY', KEYS[2], #ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 'kept'
"""

# KEYS secret. ARGV a secret for the case that there is none of this length. Returns the stored one.
READ_OR_CREATE_SCRIPT = """
if redis.call('TYPE', KEYS[1]).ok ~= 'string' or redis.call('STRLEN', KEYS[1]) ~= #ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1])
end
return redis.call('GET', KEYS[1])
"""

# KEYS attempts. ARGV slot, maximum attempts, window in ms. Returns the milliseconds to wait, 0 if the attempt
# is allowed and counted. A later time, from before the clock was set back, counts as now.
COUNT_ATTEMPT_SCRIPT = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local window = tonumber(ARGV[3])
local text = ''
if redis.call('HSTRLEN', KEYS[1], ARGV[1]) < 500 then text = redis.call('HGET', KEYS[1], ARGV[1]) or '' end
local recent = {}
for word in string.gmatch(text, '%d+') do
  local time = tonumber(word)
  if math.abs(now - time) < window then recent[#recent + 1] = math.min(time, now) end
end
table.sort(recent)
local limit = tonumber(ARGV[2])
if #recent >= limit then return recent[#recent - limit + 1] + window - now end
recent[#recent + 1] = now
for i, time in ipairs(recent) do recent[i] = string.format('%d', time) end
redis.call('HSET', KEYS[1], ARGV[1], table.concat(recent, ' '))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0
"""

# KEYS attempts. ARGV slot. Removes the newest attempt.
FORGET_ATTEMPT_SCRIPT = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
local text = redis.call('HGET', KEYS[1], ARGV[1]) or ''
return redis.call('HSET', KEYS[1], ARGV[1], (string.gsub(text, ' ?%d+$', '')))
"""
