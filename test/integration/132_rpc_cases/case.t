#!/usr/bin/python3
"""Stored routing cases by RPC: what was expected, what came, and how many passed."""

import jsonrpc
from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import Failure, wait_for

CASES = 1000
OBJECTS = {
    "gateway:gw": {"address": "192.0.2.1", "peer": "ip_pbx"},
    "trunk:pbx1": {"gateway": "gw", "transport": "udp", "local_port": 6001},
    "trunk:out1": {"gateway": "gw", "transport": "udp", "local_port": 6002},
    "profile:trunk:pbx1": {"dial_plan": "de", "pstn_usages": "all"},
    "profile:trunk:out1": {"remove_plus_from_uri": "yes"},
    "rules:de": {"rule.0": r"^0(\d+)$ => +49$1"},
    "policy:staff": {"usages": "all"},
    "route:near": {"pattern": r"^\+49", "usages": "all", "trunks": "out1"},
    "test:a-good": {"dialed_number": "030-123", "from_trunk": "pbx1", "expected_route": "near",
                    "expected_translated_number": "+4930123", "expected_trunk": "out1",
                    "expected_usage": "all", "expected_called_number": "4930123"},
    "test:b-wrong": {"dialed_number": "030123", "from_trunk": "pbx1", "expected_route": "far"},
    "test:c-none": {"dialed_number": "+1555", "target_policy": "staff",
                    "expected_result": "no_route"},
    "test:d-gone": {"dialed_number": "+1555", "from_trunk": "gone"},
}

with Case(plan=16) as t:
    redis = RedisServer(t)
    redis.load({"med:1:" + key: fields for key, fields in OBJECTS.items()})
    control = t.path("kamailio.ctl")
    lines, ways = jsonrpc.server(t)
    config = t.write("kamailio.cfg", bare(t.port(), control, redis.url, lines))
    kamailio = Kamailio(t, config, control=control)
    ask = ways.datagram

    def count():
        try:
            return ask("mediation.tests", 0, 1)["total"]
        except (OSError, Failure):
            return 0
    wait_for("the cases", lambda: count() == 4)

    t.equal(ask("mediation.test", "a-good"), {
        "id": "a-good", "passed": "yes", "expected_result": "routed", "came_result": "routed",
        "expected_translated_number": "+4930123", "came_translated_number": "+4930123",
        "expected_route": "near", "came_route": "near", "expected_usage": "all",
        "came_usage": "all", "expected_trunk": "out1", "came_trunk": "out1",
        "expected_called_number": "4930123", "came_called_number": "4930123",
        "text": "1 trunk to try"}, "one that passes, with all one can expect")
    one = ask("mediation.test", "b-wrong")
    t.equal((one["passed"], one["expected_route"], one["came_route"]), ("no", "far", "near"),
            "one that fails says what came instead")
    one = ask("mediation.test", "c-none")
    t.equal((one["passed"], one["came_result"]), ("yes", "no_route"),
            "that no route takes a number may be what is expected")
    one = ask("mediation.test", "d-gone")
    t.equal((one["passed"], one["text"]), ("no", "no trunk 'gone' is in force"),
            "what a case names and is not there fails it")
    answer = ask("mediation.test")
    t.equal((answer["total"], answer["passed"], answer["failed"], "next" in answer),
            (4, 2, 2, False), "all of them")
    t.equal([case["id"] for case in answer["cases"]],
            ["a-good", "b-wrong", "c-none", "d-gone"], "in order")
    answer = ask("mediation.test", 1, 2)
    t.equal(([case["id"] for case in answer["cases"]], answer["passed"], answer["next"]),
            (["b-wrong", "c-none"], 1, 3), "a page of them")
    t.like(kamailio.rpc("mediation.test", "b-wrong"), r"passed: no\n(.*\n)*\s+came_route: near",
           "by ctl")

    redis.hset("med:1:route:near", pattern=r"^\+1", usages="all", trunks="out1")

    def changed():
        return ask("mediation.test", "c-none")["came_result"] == "routed"
    wait_for("the change", changed)
    t.equal([ask("mediation.test", name)["passed"] for name in ("a-good", "c-none")],
            ["no", "no"], "a changed route is what they are run on")

    redis.hset("med:1:test:bad", dialed_number="1")
    wait_for("the refusal", lambda: "test 'bad'" in kamailio.rpc("mediation.status"))
    for name, words, code in (("an unknown case", ["x"], 404), ("a refused one", ["bad"], 404),
                              ("a limit too large", [0, 41], 400),
                              ("an offset that is no number", ["x", 1], 400),
                              ("too many words", [0, 1, 2], 400)):
        try:
            t.ok(False, f"{name}: no fault, but {ask('mediation.test', *words)}")
        except jsonrpc.Fault as why:
            t.equal(why.code, code, f"{name}: {why.message}")

    with redis.client() as client:
        for number in range(CASES):
            client.send("HSET", f"med:1:test:e{number:04}", "dialed_number", "0" + "1" * 120,
                        "from_trunk", "pbx1", "expected_translated_number", "+49" + "1" * 120,
                        "expected_called_number", "49" + "1" * 120, "expected_route",
                        "r" * 64, "expected_trunk", "t" * 64, "expected_usage", "u" * 64)
        for _ in range(CASES):
            client.reply()
    wait_for("1,000 more", lambda: count() == CASES + 4)
    seen, offset = [], 0
    while offset is not None:
        answer = ask("mediation.test", offset, 40)
        seen += [case["id"] for case in answer["cases"]]
        offset = answer.get("next")
    t.equal(len(seen), CASES + 4, "1,004 cases in pages, each once")
    t.ok(max(ways.sizes) < 32768, f"none longer than 32 kB ({max(ways.sizes)})")
