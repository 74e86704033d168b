#!/usr/bin/python3
"""Questions by RPC: rules of a trunk, routes of a policy and a trunk, dial plans, users."""

import jsonrpc
from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import Failure, wait_for

OBJECTS = {
    "gateway:gw": {"address": "192.0.2.1", "peer": "ip_pbx"},
    "trunk:pbx1": {"gateway": "gw", "transport": "udp", "local_port": 6001},
    "trunk:out1": {"gateway": "gw", "transport": "udp", "local_port": 6002},
    "profile:trunk:pbx1": {"dial_plan": "de", "pstn_usages": "all"},
    "profile:trunk:out1": {"remove_plus_from_uri": "yes", "outbound_translation_rules": "out"},
    "rules:de": {"rule.0": r"^0(\d+)$ => +49$1"},
    "rules:out": {"rule.1": r"^\+49(\d+)$ => +0$1"},
    "policy:staff": {"usages": "all"},
    "site:hq": {},
    "pool:p1": {"site": "hq", "dial_plan": "de"},
    "location_policy:site:hq": {"emergency_dial_string": "112", "pstn_usages": "all"},
    "route:near": {"pattern": r"^\+49", "usages": "all", "trunks": "out1"},
}

with Case(plan=27) as t:
    redis = RedisServer(t)
    redis.load({"med:1:" + key: fields for key, fields in OBJECTS.items() if fields})
    redis.hset("med:1:site:hq", name="hq")
    control = t.path("kamailio.ctl")
    lines, ways = jsonrpc.server(t)
    lines += 'modparam("mediation", "pool", "p1")\n'
    config = t.write("kamailio.cfg", bare(t.port(), control, redis.url, lines))
    kamailio = Kamailio(t, config, control=control)
    ask = ways.datagram

    def loaded():
        try:
            return ask("mediation.routes", 0, 1)["total"] == 1
        except (OSError, Failure):
            return False
    wait_for("the objects", loaded)

    t.equal(ask("mediation.test_trunk", "out1", "+4930123", "+49891"), {
        "matched": "yes", "profile": "trunk:out1", "translated_number": "030123",
        "matching_rule": r"out: rule.1 ^\+49(\d+)$ => +0$1", "translated_calling_number": "49891",
        "text": "a rule of profile 'trunk:out1' matches, and it removes the plus"}, "a trunk")
    t.equal(ask("mediation.test_trunk", "out1", "+1555")["matched"], "no", "no rule")
    t.equal(ask("mediation.test_route", "near", "+4930")["matched"], "yes", "a route takes it")
    t.equal(ask("mediation.test_route", "near", "+1555")["text"],
            "route 'near' does not take +1555", "or not")
    near = [{"route": "near", "usage": "all", "priority": 0, "pattern": r"^\+49"}]
    t.equal(ask("mediation.test_policy", "staff", "+4930"), {
        "matched": "yes", "first_matching_route": "near", "matching_usage": "all",
        "trunk": "out1", "text": "1 trunk to try", "routes": near}, "a policy")
    one = ask("mediation.test_inter_trunk", "pbx1", "+4930", "2026-12-24T18:00Z")
    t.equal((one["first_matching_route"], one["routes"]), ("near", near), "an incoming trunk")
    one = ask("mediation.test_inter_trunk", "out1", "+4930")
    t.like(one["text"], "no pstn_usages", "one that may call nobody")
    t.equal(ask("mediation.test_dial_plan", "de", "030-123"), {
        "matched": "yes", "translated_number": "+4930123",
        "matching_rule": r"de: rule.0 ^0(\d+)$ => +49$1", "text": "030123 becomes +4930123"},
        "a dial plan")
    t.equal(ask("mediation.test_rule", "de", 0, "030")["translated_number"], "+4930",
            "a rule, its number as a number")
    one = ask("mediation.test_user", "staff", "030123")
    t.equal((one["translated_number"], one["matching_rule"], one["first_matching_route"],
             one["matching_usage"], one["trunk"], one["trunk_called_number"]),
            ("+4930123", r"de: rule.0 ^0(\d+)$ => +49$1", "near", "all", "out1", "030123"),
            "a user, by the pool's dial plan")
    t.equal(ask("mediation.test_user", "staff", "030123", "out")["matched"], "no",
            "by another one")
    t.equal([ask("mediation.test_location_policy", *words)["matched"]
             for words in (["112"], ["110"], ["112", "elsewhere"])], ["yes", "no", "no"],
            "emergency numbers: of the pool's site, of another")
    t.like(kamailio.rpc("mediation.test_policy", "staff", "+4930"),
           r"matched: yes\n(.*\n)*\s+route: near", "by ctl")

    # what is the same as what a call meets
    step = kamailio.rpc("mediation.explain", "-", "staff", "030123")
    t.like(step, "candidate 1", "explain says the same")

    for method, words, code in (
            ("trunk", ["gone", "+1"], 404), ("route", ["gone", "+1"], 404),
            ("policy", ["gone", "+1"], 404), ("inter_trunk", ["gone", "+1"], 404),
            ("dial_plan", ["gone", "1"], 404), ("rule", ["de", 7, "1"], 404),
            ("user", ["gone", "+1"], 404), ("trunk", ["out1"], 400), ("trunk", [], 400),
            ("trunk", ["out1", "bob"], 400), ("route", ["near", "1", "2"], 400),
            ("user", ["staff", "+1", "-", "-", "noon"], 400),
            ("route", ["near", "1" * 200], 400)):
        try:
            t.ok(False, f"test_{method} {words}: {ask('mediation.test_' + method, *words)}")
        except jsonrpc.Fault as why:
            t.equal(why.code, code, f"test_{method}: {why.message}")
