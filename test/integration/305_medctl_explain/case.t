#!/usr/bin/python3
"""medctl explain and test: calls decided here, by Redis or by a file, as a node decides."""

from case import Case
from medctl import Medctl, plain
from redis import RedisServer

PEERS = {
    "gateway pbx1": {"address": "192.0.2.10", "peer": "ip_pbx"}, "gateway gw1": {"address": "192.0.2.20"},
    "gateway gw2": {"address": "192.0.2.30"},
    **{f"trunk {name}": {"transport": "tcp"} for name in ("pbx1", "gw1", "gw2")},
    "profile trunk:pbx1": {"srtp_mode": "not_supported", "pstn_usages": "local",
                           "dial_plan": "plan"},
    "rules plan": {"rule.0": r"^0([1-9]\d+)$ => +49$1", "rule.1": r"^(\d{4})$ => +498955$1"},
    "policy desk": {"usages": "local"},
    "route germany": {"pattern": r"^\+49\d+$", "usages": "local", "trunks": "gw1"},
    "test berlin": {"dialed_number": "0301234567", "from_trunk": "pbx1",
                    "expected_route": "germany", "expected_trunk": "gw1"},
    "test abroad": {"dialed_number": "+442071234567", "target_policy": "desk",
                    "expected_result": "no_route"},
}

with Case(plan=22) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis)
    nowhere = Medctl(t, env={"MEDCTL_REDIS": "redis://127.0.0.1:1"})
    t.write("peers.conf", plain(PEERS))
    t.equal(medctl("apply", "--yes", "--test", "peers.conf").code, 0, "apply --test, all pass")

    done = medctl("explain", "trunk:pbx1", "0301234567", "--calling", "1001")
    t.equal(done.code, 0, "explain by Redis")
    t.like(done.out, r"0301234567 becomes \+49301234567", "each step")
    t.like(done.out, r"^1\. gw1  sip:192\.0\.2\.20:\d+;transport=tcp  called \+49301234567  "
           r"calling \S+  \(usage local, route germany\)$", "and each trunk to try")
    t.equal(nowhere("explain", "trunk:pbx1", "0301234567", "--file", "peers.conf").out,
            medctl("explain", "trunk:pbx1", "0301234567").out, "by a file the same, without Redis")
    found = medctl("explain", "policy:desk", "+49301234567", "--json").json()
    t.equal((found["routed"], found["candidates"][0]["trunk"]), (True, "gw1"), "as JSON")
    done = medctl("explain", "policy:desk", "+442071234567")
    t.equal(done.code, 1, "a call that is not routed: exit 1")
    t.like(done.out, "no route", "and why")
    done = medctl("explain", "trunk:gone", "030")
    t.equal((done.code, "gone" in done.err), (1, True), "a trunk that is not there")
    t.equal(medctl("explain", "pbx1", "030").code, 2, "FROM has a kind: exit 2")

    done = medctl("test")
    t.equal((done.code, done.out.splitlines()[-1]), (0, "2 passed, 0 failed"), "stored cases")
    t.like(done.out, "^ok     abroad: ", "each with what became of it")
    t.equal(medctl("test", "berlin").out.splitlines()[-1], "1 passed, 0 failed", "one of them")
    t.equal(medctl("test", "nobody").code, 1, "one that is not there")

    worse = {**PEERS, "route germany": {**PEERS["route germany"], "trunks": "gw2"}}
    t.write("worse.conf", plain(worse))
    done = medctl("apply", "--yes", "--test", "worse.conf")
    t.equal((done.code, redis.command("HGET", "med:1:route:germany", "trunks")), (1, "gw1"),
            "a change that breaks a case is not written")
    t.like(done.err, r"FAILED berlin.*\n +expected_trunk: expected 'gw1', came 'gw2'",
           "and the case is told")
    t.equal(nowhere("test", "--file", "worse.conf").code, 1, "test --file, before any apply")
    medctl("apply", "--yes", "worse.conf")
    found = medctl("test", "--json").json()
    t.equal((found["passed"], found["failed"]), (1, 1), "a case that fails, as JSON")
    t.equal([e for case in found["cases"] for e in case["expectations"] if not e["met"]],
            [{"field": "expected_trunk", "expected": "gw1", "came": "gw2", "met": False}],
            "with what was expected and what came")
    t.equal(medctl("test").code, 1, "exit 1")
    t.write("broken.conf", "[trunk\n")
    t.equal(nowhere("test", "--file", "broken.conf").code, 1, "a file with faults: exit 1")
    t.equal(nowhere("test").code, 3, "without Redis: exit 3")
