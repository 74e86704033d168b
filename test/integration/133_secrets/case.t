#!/usr/bin/python3
"""A password is given to the script, and to nobody else: no answer, status or log has it."""

import jsonrpc
from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import Failure, wait_for

SECRETS = ["Geheim-4711", "Geheim-\u00e4-0815", "Geheim-" + "x" * 300, "Geheim-\x01-bad"]
KINDS = ("sites", "gateways", "trunks", "profiles", "rules", "policies", "routes", "pools",
         "response_rules", "limits", "tests")
ROUTE = 'modparam("mediation", "status_interval", 1)\n'

with Case(plan=9) as t:
    redis = RedisServer(t)
    redis.load({
        "med:1:gateway:gw": {"address": "192.0.2.1"},
        "med:1:trunk:itsp": {"gateway": "gw", "transport": "udp", "auth_username": "me",
                             "auth_realm": "itsp.example", "auth_password": SECRETS[0]},
        "med:1:profile:global": {"pstn_usages": "all"},
        "med:1:route:all": {"pattern": r"^\+", "usages": "all", "trunks": "itsp"},
        "med:1:test:t": {"dialed_number": "+4930123", "from_trunk": "itsp"},
        # refused for the password itself, beside it, and under a wrong name
        "med:1:trunk:long": {"gateway": "gw", "auth_password": SECRETS[2]},
        "med:1:trunk:control": {"gateway": "gw", "auth_password": SECRETS[3]},
        "med:1:trunk:beside": {"gateway": "gw", "transport": "x", "auth_password": SECRETS[0]},
        "med:1:trunk:typo": {"gateway": "gw", "auth_pasword": SECRETS[0]},
        "med:1:trunk:same1": {"gateway": "gw", "auth_username": "a", "transport": "udp",
                              "local_port": 7000, "auth_password": SECRETS[1]},
        "med:1:trunk:same2": {"gateway": "gw", "auth_username": "a", "transport": "udp",
                              "local_port": 7000, "auth_password": SECRETS[1]},
    })
    control = t.path("kamailio.ctl")
    lines, ways = jsonrpc.server(t)
    config = t.write("kamailio.cfg", bare(t.port(), control, redis.url, lines + ROUTE, debug=4))
    kamailio = Kamailio(t, config, control=control)
    told = []

    def ask(method, *words):
        """By ctl and by JSON-RPC; whatever comes is kept, faults too."""
        for call in (kamailio.rpc, ways.datagram, ways.http):
            try:
                told.append(str(call(method, *words)))
            except Failure as why:
                told.append(str(why))
        return told[-2]

    wait_for("the configuration", lambda: "itsp" in ask("mediation.trunks"))
    wait_for("the refusals", lambda: "'control'" in ask("mediation.status"))
    t.like(ask("mediation.status"), "'long'.*auth_password.*300|auth_password.*307 bytes",
           "a password that is refused is told by its length")
    t.like(ask("mediation.trunks", "itsp"), r"'auth_password': '\(not shown\)'",
           "that there is one is shown")
    for kind in KINDS:
        ask("mediation." + kind)
        ask("mediation." + kind, 0, 40)
    for name in ("itsp", "long", "control", "beside", "typo", "same1", "same2"):
        ask("mediation.trunks", name)
        ask("mediation.explain", name, "-", "+4930123", "+4940")
    guesses = [ways.datagram("mediation.trunks", f"auth_password={value}", 0, 40)["total"]
               for value in ("G*", SECRETS[0][:5] + "*")]
    t.equal(guesses, [0, 0], "nor can it be guessed by a filter, letter by letter")
    t.equal(ways.datagram("mediation.trunks", "auth_password=(not shown)", 0, 40)["total"] >= 2,
            True, "but who has one can be asked")
    ask("mediation.test")
    ask("mediation.explain", "-", "-", "+49")
    redis.hset("med:1:trunk:itsp", auth_password=SECRETS[1])  # a change of it alone
    wait_for("the change", lambda: "revision: 2\n" in kamailio.rpc("mediation.status"))
    redis.command("DEL", "med:1:trunk:itsp")
    wait_for("the removal", lambda: "itsp" not in kamailio.rpc("mediation.trunks"))
    ask("mediation.reload")
    wait_for("the status", lambda: redis.command("KEYS", "medrun:1:status:*"))
    ask("mediation.status")

    with redis.client() as client:
        for key in client.command("KEYS", "medrun:*"):
            read = {"string": ["GET", key], "hash": ["HGETALL", key],
                    "stream": ["XRANGE", key, "-", "+"]}
            told.append(str(client.command(*read[client.command("TYPE", key)])))
    kamailio.stop()
    t.equal([text[:200] for text in told if "Geheim" in text], [],
            f"none of {len(told)} answers and statuses has a password")
    t.equal([line for line in kamailio.log().splitlines() if "Geheim" in line], [],
            "nor has the log, at its most talkative")
    t.ok(len(kamailio.log()) > 20000, "which was talkative indeed")
    t.ok(any("Geheim" in str(redis.command("HGETALL", f"med:1:trunk:{name}"))
             for name in ("long", "same1")), "Redis has them")
    t.equal(len([text for text in told if "auth_password" in text]) > 3, True,
            "the field itself is named")
