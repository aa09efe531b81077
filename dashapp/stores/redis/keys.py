"""The keys of a host in Redis, and the scripts that run there.

All keys of a host have its name in braces. A cluster then keeps them on one node, so that a script may use
them together, and spreads the hosts.
"""

from __future__ import annotations

KEY_PREFIX = "dashapp:"
# A hash from a host's name to the arrival of its newest tick, by Redis' clock, and JSON for the list of
# hosts.
REGISTRY_KEY = KEY_PREFIX + "hosts"
# `aside` has points with wrong times, which no reader opens.
LEVELS = ("seconds", "minutes", "hours", "aside")

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

# KEYS lease, ticks, generation, push, push size. ARGV token, lease ms, maximum ticks, expiry ms, expected
# newest time, generation for a new store. Then for each row its time, its text and the last pushed record in
# it. A row that is already there, from a try without a reply, is left out.
APPEND_SCRIPT = (
    _CHECK_LEASE
    + """
local generation = redis.call('GET', KEYS[3])
if not generation then
  generation = ARGV[6]
  redis.call('SET', KEYS[3], generation)
end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local newest = last[1] and tonumber(last[1][2][2]) or 0
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

# KEYS registry. Returns Redis' clock and all registry entries.
LIST_HOSTS_SCRIPT = "return {redis.call('TIME'), redis.call('HGETALL', KEYS[1])}"

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
