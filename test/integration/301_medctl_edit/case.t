#!/usr/bin/python3
"""medctl get, list, set, del, check and export: single objects, and hostile values."""

import re
import subprocess

from case import Case
from medctl import CHECKED, Medctl, plain
from redis import RedisServer

TRUNK = {"transport": "tcp", "auth_username": "me", "auth_password": "sesame"}
HOSTILE = "\x1b]0;owned\x07\x1b[2J\nnew line\x00\x9b"


def fields(redis, key):
    flat = redis.command("HGETALL", "med:1:" + key)
    return dict(zip(flat[::2], flat[1::2]))


with Case(plan=52) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis)
    t.write("peers.conf", plain({
        "gateway gw1": {"address": "192.0.2.20"},
        "trunk gw1": TRUNK,
        "route all": {"pattern": ".*", "usages": "any", "trunks": "gw1"},
        "policy p": {"usages": "any"}}))
    t.equal(medctl("apply", "--yes", "peers.conf").code, 0, "apply")
    token = redis.command("GET", "med:1:applied")

    t.equal(medctl("get", "trunk", "gw1").out,
            "[trunk gw1]\ntransport = tcp\nauth_username = me\n# auth_password = (not shown)\n", "get an object")
    t.like(medctl("get", "trunk", "gw1", "--secrets").out, "auth_password = sesame",
           "its password when asked")
    t.equal(medctl("get", "trunk", "gw1", "transport").out, "tcp\n", "one value")
    t.equal(medctl("get", "trunk", "gw1", "enabled").out, "yes\n", "or its default")
    t.equal(medctl("get", "trunk", "gw1", "local_address").code, 1, "or none: exit 1")
    done = medctl("get", "trunk", "gw1", "trasport")
    t.equal((done.code, done.err), (2, "medctl: trunk has no field 'trasport'; 'transport' is "
                                       "meant?\n"), "a field that is not known")
    t.equal(medctl("get", "trunk", "gw9").code, 1, "an object that is not there: exit 1")
    t.equal(medctl("get", "trnk", "gw1").code, 2, "a kind that is not known: exit 2")
    t.equal(medctl("get", "trunk", "gw1", "--json").json(),
            {"kind": "trunk", "id": "gw1",
             "fields": {"transport": "tcp", "auth_username": "me",
                        "auth_password": "(not shown)"}}, "get --json")
    t.equal(medctl("list", "policy").out, "p  usages=any\n", "list")
    redis.hset("med:1:trunk:a.long-name", gateway="gw1", port="5071", local_port="5072", wrong="x")
    with medctl.on_terminal("list", "trunk") as terminal:
        t.equal(terminal.end(), 0, "list on a terminal")
    t.equal(terminal.text.split("\r\n"), [
        "id           gateway  transport  port  local_port  auth_username  auth_password",
        "a.long-name  gw1                 5071  5072                                      wrong=x",
        "gw1                   tcp                          me             (not shown)", ""],
            "is an aligned table")
    redis.command("DEL", "med:1:trunk:a.long-name")
    t.equal(medctl("list", "trunk", "--json").json()[0]["id"], "gw1", "list --json")

    # set
    done = medctl("set", "trunk", "gw1", "port=5070", "name=Gate = 1")
    t.equal((done.code, fields(redis, "trunk:gw1")),
            (0, {**TRUNK, "port": "5070", "name": "Gate = 1"}), "set changes fields and keeps the others")
    t.equal(redis.command("GET", "med:1:applied"), token, "and is not an apply: confirms nothing")
    t.like(done.out, r"~ \[trunk gw1\]\n\+   port = 5070", "says what it did")
    medctl("set", "trunk", "gw1", "port=", "name=")
    t.equal(fields(redis, "trunk:gw1"), TRUNK,
            "an empty value takes a field away")
    medctl("set", "trunk", "gw1", "auth_password=", "auth_username=")
    t.equal(fields(redis, "trunk:gw1"), {"transport": "tcp"}, "a password too")
    done = medctl("set", "trunk", "gw1", "port=99999")
    t.equal((done.code, fields(redis, "trunk:gw1")), (1, {"transport": "tcp"}),
            "what nodes would refuse is not written")
    t.like(done.err, "trunk 'gw1': field 'port': out of range: '99999'", "and told")
    t.equal(medctl("set", "trunk", "gw1", "gateway=nowhere").code, 1,
            "nor a reference to nothing")
    t.equal(medctl("set", "trunk", "gw1", "port").code, 2, "FIELD without =: exit 2")
    t.equal(medctl("set", "trunk", "a b", "port=1").code, 2, "not an id: exit 2")
    t.equal((medctl("set", "site", "new", "name=x").code, fields(redis, "site:new")),
            (0, {"name": "x"}), "set makes an object")
    t.equal((medctl("set", "site", "new", "name=").code, fields(redis, "site:new")),
            (0, {"name": ""}), "and never loses its last field")
    redis.hset("med:1:policy:q", pstn_usages="any")
    t.equal((medctl("set", "policy", "q", "usages=any,more").code, fields(redis, "policy:q")),
            (0, {"usages": "any,more"}), "the spec's name of a field is replaced by ours")

    # a million other routes are not read for one, nor is anything said of them
    for number in range(200):
        redis.hset(f"med:1:route:r{number}", pattern=".*", usages="any", trunks="gw1")
    redis.hset("med:1:policy:both", usages="any,some")
    redis.hset("med:1:test:t", dialed_number="1", from_trunk="gw1", expected_route="r7")
    redis.command("CONFIG", "RESETSTAT")
    done = medctl("set", "route", "r3", "usages=some")
    reads = re.search(r"cmdstat_hgetall:calls=(\d+)", redis.command("INFO", "commandstats"))
    t.equal((done.code, done.err, fields(redis, "route:r3")["usages"]), (0, "", "some"),
            "a route is changed, and nothing is guessed of what was not read")
    t.ok(int(reads[1]) < 30, f"other routes are not read: {reads[1]} objects were")
    done = medctl("set", "route", "r3", "trunks=nowhere")
    t.equal((done.code, fields(redis, "route:r3")["trunks"]), (1, "gw1"),
            "a trunk that is not there is refused all the same")
    done = medctl("del", "route", "r7", "--yes")
    t.equal((done.code, redis.command("EXISTS", "med:1:route:r7")), (0, 0), "a route goes")
    t.equal(done.err, "warning: test 't': field 'expected_route': no route 'r7'; until there is, "
                      "the case fails\n", "and who names it is told")
    for key in redis.command("KEYS", "med:1:route:r*"):
        redis.command("DEL", key)
    redis.command("DEL", "med:1:test:t", "med:1:policy:both")

    # del
    done = medctl("del", "gateway", "gw1", "--yes")
    t.equal((done.code, redis.command("EXISTS", "med:1:gateway:gw1")), (1, 1),
            "what others need is not removed")
    t.like(done.err, "trunk 'gw1'.*gateway 'gw1'", "the error says who names it")
    medctl("set", "gateway", "gw1", "root_trunk=gw1")
    done = medctl("del", "trunk", "gw1", "--yes")
    t.equal((done.code, redis.command("EXISTS", "med:1:trunk:gw1")), (1, 1),
            "a root trunk stays while its gateway is there")
    t.equal(medctl("del", "policy", "p", "nobody", "--yes").code, 1,
            "one that is not there: exit 1")
    t.equal(redis.command("EXISTS", "med:1:policy:p"), 1, "and nothing is removed")
    t.equal((medctl("del", "policy", "p", "q", "--yes").code,
             redis.command("EXISTS", "med:1:policy:p", "med:1:policy:q")), (0, 0),
            "several at once")

    # what cannot be said is no success, and never goes to Redis instead
    said = {}
    for words in ("get trunk gw1", "list trunk", "diff peers.conf", "check peers.conf", "status",
                  "export", "fields", "set site said name=x", "apply --yes peers.conf"):
        for where in (">/dev/full", ">&-", ">&- 2>&-", "<&- >&-"):
            said[words, where] = subprocess.run(
                ["sh", "-c", f"exec {CHECKED} {words} {where}"], cwd=t.dir, env=medctl.env,
                capture_output=True, timeout=120, check=False).returncode
    t.equal(set(said.values()), {3}, "standard output full or closed: exit 3")
    t.equal(redis.command("INFO", "errorstats").count("ERR"), 0, "and Redis was sent no text")

    # check
    t.equal(medctl("check").code, 0, "check what is in Redis")
    redis.hset("med:1:trunk:bad", port="x", transport="tcp")
    done = medctl("check")
    t.equal(done.code, 1, "exit 1 when something is refused")
    t.like(done.err, "^trunk 'bad': field 'port': not a number: 'x'", "and what")
    t.equal(medctl("check", "--json").json()["refused"], 1, "check --json")
    t.equal(medctl("check", "peers.conf").out, "4 objects, 0 refused, 0 warnings\n",
            "check a file, without Redis")
    t.equal(Medctl(t, env={"MEDCTL_REDIS": "redis://127.0.0.1:1"})("check", "peers.conf").code,
            0, "indeed without")
    redis.command("DEL", "med:1:trunk:bad")

    # what anybody may have written into Redis never reaches a terminal as it is
    redis.command("HSET", "med:1:site:evil", "name", HOSTILE, HOSTILE, "x")
    redis.command("HSET", "med:1:trunk:" + HOSTILE, "name", "x" * 200000)
    redis.command("SET", "med:1:" + HOSTILE, "x")
    said = "".join(medctl(*words).out + medctl(*words).err for words in (
        ["get", "site", "evil"], ["get", "site", "evil", "name"], ["list", "site"],
        ["list", "trunk"], ["check"], ["export"], ["diff", "--replace", "peers.conf"],
        ["del", "site", "evil"], ["set", "site", "evil", "name=x"]))
    t.unlike(said, "[\x00-\x08\x0b-\x1f\x7f-\x9f]", "no control byte is printed")
    t.like(said, r"\\x1b\[2J", "but shown as \\x1b")
    done = medctl("export")
    t.equal(done.code, 1, "export says by its exit code that it left something out")
    t.like(done.err, r"left out: site 'evil'", "and what")
    t.unlike(medctl("export", "--json").out, "[\x00-\x08\x0b-\x1f\x7f-\x9f]",
             "JSON has none either")
    t.equal(medctl("del", "site", "evil", "--yes").code, 0, "and it can be removed")
