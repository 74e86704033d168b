#!/usr/bin/python3
"""Users of Redis as security.md has them: medctl's may do all that medctl does and writes
no status; the module's is enough beside Sentinel."""

from case import Case
from medctl import Medctl, plain
from redis import RedisError, RedisServer, acl

SECRET = "sesame-open"
PEERS = {
    "gateway gw1": {"address": "192.0.2.20"},
    "trunk gw1": {"transport": "tcp"},
    "policy all": {"usages": "any"},
    "route germany": {"pattern": r"^\+49\d+$", "usages": "any", "trunks": "gw1"},
    "test one": {"dialed_number": "+4930123", "target_policy": "all"},
}
MANY = 10500  # more than one transaction takes


with Case(plan=13) as t:
    redis = RedisServer(t)
    redis.command(*acl("medctl", SECRET))
    redis.command(*acl("kamailio", SECRET))
    medctl = Medctl(t, redis, env={
        "MEDCTL_REDIS": f"redis://medctl:{SECRET}@127.0.0.1:{redis.port}/0"})
    t.write("peers.conf", plain(PEERS))
    t.write("more.conf", plain({f"site s{number}": {"name": "x"} for number in range(MANY)}))
    redis.command("XADD", "medrun:1:events", "*", "node", "n1", "event", "applied")
    redis.command("SET", "medrun:1:status:n1", "{}")

    def run(name, *words, code=0):
        done = medctl(*words)
        t.ok(done.code == code, name) or t.diag(done)

    run("apply", "apply", "--yes", "peers.conf")
    run("apply in pieces", "apply", "--yes", "more.conf")
    run("apply again, with what the files lack removed", "apply", "--yes", "--replace",
        "peers.conf")
    run("export", "export")
    run("diff", "diff", "peers.conf")
    run("check", "check")
    run("set", "set", "trunk", "gw1", "port=5070")
    run("del", "del", "--yes", "test", "one")
    run("status", "watch", "--once")
    denied = [line for line in str(redis.command("ACL", "LOG")).split("'") if "denied" in line]
    t.equal(denied, [], "nothing it does is denied")

    def may(user, *words):
        with redis.client() as client:
            client.command("AUTH", user, SECRET)
            try:
                client.command(*words)
                return True
            except RedisError as error:
                return "NOPERM" not in str(error)

    t.ok(not may("medctl", "SET", "medrun:1:status:n1", "x")
         and not may("medctl", "FLUSHDB") and not may("medctl", "KEYS", "*"),
         "it may neither write what nodes write, nor flush")
    t.ok(not may("kamailio", "HSET", "med:1:trunk:x", "a", "b"),
         "the module's user may not change the configuration")
    t.ok(may("kamailio", "ROLE") and may("kamailio", "INFO", "memory") and may(
        "kamailio", "XADD", "medrun:1:events", "*", "a", "b"), "and may do what it needs")
