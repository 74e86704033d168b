#!/usr/bin/python3
"""medctl apply: files are judged, shown, asked about and written as one difference."""

from case import Case
from medctl import Medctl, plain
from redis import RedisServer

PEERS = {
    "gateway gw1": {"address": "192.0.2.20"},
    "trunk gw1": {"transport": "tcp", "auth_username": "me", "auth_password": "sesame"},
    "rules plan": {"rule.0": r"^00(\d+)$ => +$1", "rule.10": r"^0(\d+)$ => +49$1"},
    "policy all": {"usages": "any"},
    "route germany": {"pattern": r"^\+49\d+$", "usages": "any", "trunks": "gw1"},
}


def fields(redis, key):
    flat = redis.command("HGETALL", "med:1:" + key)
    return dict(zip(flat[::2], flat[1::2]))


with Case(plan=51) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis)
    t.write("peers.conf", plain(PEERS))

    done = medctl("diff", "peers.conf")
    t.equal(done.code, 1, "diff says by its exit code that files differ from Redis")
    t.like(done.out, r"\+ \[trunk gw1\]\n\+   transport = tcp", "and how")
    t.unlike(done.out + done.err, "sesame", "without the password")
    t.equal(redis.command("DBSIZE"), 0, "and writes nothing")
    done = medctl("apply", "peers.conf")
    t.equal((done.code, redis.command("DBSIZE")), (1, 0), "without a terminal nothing is asked")
    t.like(done.err, "--yes", "the error says what goes ahead")

    done = medctl("apply", "--yes", "peers.conf")
    t.equal((done.code, done.err), (0, ""), "apply --yes writes")
    t.equal({k: fields(redis, k.replace(" ", ":")) for k in PEERS}, PEERS, "what the file says")
    first = redis.command("GET", "med:1:applied")
    t.like(first, "^[0-9a-f]{32}$", "and a token")
    done = medctl("diff", "peers.conf")
    t.equal((done.code, done.out), (0, "0 to add, 0 to change, 0 to remove; 5 are so already\n"),
            "then there is no difference")
    t.equal(medctl("apply", "--yes", "--json", "peers.conf").json()["written"], 0,
            "a second apply writes no object")
    t.ok(redis.command("GET", "med:1:applied") != first, "but another token: it confirms")
    first = redis.command("GET", "med:1:applied")
    with medctl.on_terminal("apply", "peers.conf") as terminal:
        t.equal((terminal.end(), terminal.text), (0, "nothing to do\r\n"),
                "a person is asked nothing")
    t.equal(redis.command("GET", "med:1:applied"), first, "and nothing is written")

    # a person at a terminal
    t.write("more.conf", plain({"trunk gw1": {"transport": "udp", "auth_username": "me"},
                                "site here": {"name": "Here \u263a"}}))
    for answer, code, transport in (("no", 1, "tcp"), ("", 1, "tcp"), ("yes", 0, "udp")):
        with medctl.on_terminal("apply", "more.conf") as terminal:
            terminal.until(r"write this to redis 127.0.0.1:\d+ db 0\? \[yes/no\]")
            terminal.type(answer + "\n")
            t.equal((terminal.end(), fields(redis, "trunk:gw1")["transport"]),
                    (code, transport), f"the answer '{answer}'")
    t.like(terminal.text, r"~ \[trunk gw1\]\r\n-   transport = tcp\r\n\+   transport = udp",
           "the difference is shown before")
    t.equal(fields(redis, "trunk:gw1")["auth_password"], "sesame",
            "a password that the file does not name stays")
    t.equal(fields(redis, "site:here"), {"name": "Here \u263a"}, "new objects are added")
    t.ok(fields(redis, "policy:all"), "what the file lacks stays")

    # passwords
    exported = medctl("export")
    t.unlike(exported.out, "sesame", "export leaves passwords out")
    t.like(exported.out, r"# auth_password is set, and not shown\n\[trunk gw1\]", "and says so")
    t.write("export.conf", exported.out)
    t.equal(medctl("apply", "--yes", "--replace", "export.conf").code, 0,
            "an export is applied again")
    t.equal(fields(redis, "trunk:gw1")["auth_password"], "sesame", "and wipes no password")
    t.like(medctl("export", "--secrets").out, "auth_password = sesame",
           "export --secrets writes them")
    t.write("wipe.conf", "[trunk gw1]\ntransport = udp\nauth_password =\n")
    t.unlike(medctl("diff", "wipe.conf").out, "sesame", "a diff does not show it either")
    t.equal((medctl("apply", "--yes", "wipe.conf").code, fields(redis, "trunk:gw1")),
            (0, {"transport": "udp"}), "an empty auth_password = removes it")

    # refused
    t.write("wrong.conf", "# one\n[trunk bad]\ngateway = gw1\nport = 99999\n\n[trunk bad]\n"
                          "[rout x]\nport = 1\n[trunk t2]\ngateway gw1\n")
    done = medctl("apply", "--yes", "wrong.conf")
    t.equal(done.code, 1, "a file with faults is refused")
    t.equal([line.split(": ")[0] for line in done.err.splitlines()],
            ["wrong.conf:6", "wrong.conf:7", "wrong.conf:10"], "each fault by file and line")
    t.write("wrong.conf", "# one\n[trunk bad]\ngateway = gw1\nport = 99999\n"
                          "[trunk lost]\ngateway = nowhere\n[site fine]\n")
    done = medctl("apply", "--yes", "wrong.conf")
    t.equal((done.code, redis.command("EXISTS", "med:1:site:fine")), (1, 0),
            "an object that nodes would refuse stops the whole")
    t.like(done.err, r"^wrong.conf:4: trunk 'bad': field 'port': out of range: '99999'",
           "its field by line")
    t.like(done.err, r"^wrong.conf:\d: trunk 'lost': .*nowhere", "and what it names in vain")
    redis.hset("med:1:trunk:old", port="0")
    t.write("fine.conf", "[site fine]\n")
    done = medctl("apply", "--yes", "fine.conf")
    t.equal(done.code, 0, "a fault that Redis had before, elsewhere, stops nobody")
    t.like(done.err, "^refused before, and not touched by this: 1;", "but is mentioned")
    t.equal(fields(redis, "site:fine"), {"name": ""}, "an object without fields gets a key")
    t.equal(medctl("diff", "fine.conf").code, 0, "and is so already afterwards")

    # --replace
    t.write("peers.conf", plain(PEERS))
    done = medctl("apply", "--yes", "--replace", "peers.conf")
    t.equal(done.code, 0, "apply --replace")
    t.equal(sorted(k for k in redis.command("KEYS", "med:1:*:*")),
            sorted("med:1:" + k.replace(" ", ":") for k in PEERS), "leaves what files have")
    t.write("empty.conf", "# nothing\n")
    t.equal((medctl("apply", "--yes", "--replace", "empty.conf").code,
             redis.command("EXISTS", "med:1:policy:all")), (1, 1),
            "an empty file does not remove everything")

    # the spec's names, a wrong type, keys that are nobody's
    redis.command("SET", "med:1:site:text", "x")
    redis.command("SET", "med:1:elephant:a", "x")
    t.like(medctl("check").err, "site 'text': its key is no hash", "check says which key is no hash")
    redis.command("DEL", "med:1:route:germany")
    redis.hset("med:1:route:germany", number_pattern=PEERS["route germany"]["pattern"],
               pstn_usages="any", trunks="gw1")
    t.equal(medctl("diff", "peers.conf").code, 0, "the spec's names are the same fields")
    t.write("type.conf", plain({"site text": {"name": "a"},
                                "route germany": {**PEERS["route germany"], "priority": "2"}}))
    done = medctl("apply", "--yes", "type.conf")
    t.equal((done.code, fields(redis, "site:text")), (0, {"name": "a"}),
            "a key that is no hash becomes one")
    t.equal(fields(redis, "route:germany"), {**PEERS["route germany"], "priority": "2"},
            "names become the schema's when an object changes")
    t.like(done.err, "med:1:elephant:a' is of no known kind", "keys of no kind are mentioned")

    # standard input, several files, JSON
    done = medctl("apply", "--yes", "-", stdin="[site in]\nname = x\n")
    t.equal((done.code, fields(redis, "site:in")), (0, {"name": "x"}), "- is standard input")
    t.write("a.conf", "[site a]\n")
    t.write("b.conf", "[site b]\n[site a]\n")
    t.like(medctl("diff", "a.conf", "b.conf").err, "b.conf:2: site 'a' is given twice, first in "
           "a.conf line 1", "an object in two files is given twice")
    found = medctl("diff", "--json", "a.conf").json()
    t.equal((found["added"], found["same"]), ([{"kind": "site", "id": "a", "new": {}}], 0),
            "diff --json")
    t.equal(medctl("apply", "--yes", "gone.conf").code, 3, "a file that is not there: exit 3")
    t.equal(medctl("apply", "--bogus").code, 2, "an option that is not there: exit 2")
    t.equal(medctl("export", "--replace").code, 2, "an option of another command: exit 2")
