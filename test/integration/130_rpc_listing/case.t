#!/usr/bin/python3
"""Objects of every kind by RPC: one shape, defaults filled in, faults that are faults."""

import re

import jsonrpc
from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import Failure, wait_for

PLURALS = {"site": "sites", "gateway": "gateways", "trunk": "trunks", "profile": "profiles",
           "rules": "rules", "policy": "policies", "route": "routes", "pool": "pools",
           "response_rules": "response_rules", "limits": "limits", "test": "tests"}

OBJECTS = {
    "site:hq": {"name": "Headquarters", "subnets": "192.0.2.0/24,2001:db8::/32"},
    "pool:med1": {"fqdn": "med1.example.com", "site": "hq", "sip_client_tcp_port": 5070},
    "gateway:gw1": {"address": "192.0.2.1", "site": "hq"},
    "gateway:gw2": {"address": "gw2.example.com", "gateway_sip_client_tls_port": 6067},
    "trunk:gw1": {"transport": "tcp", "mediation_server": "med1", "description": 'a "b" \\ c'},
    "trunk:gw2": {"auth_username": "me", "auth_password": "not-to-be-seen"},
    "trunk:30": {"gateway": "gw1", "transport": "udp"},
    "profile:global": {"pstn_usages": "all,more", "dial_plan": "de"},
    "rules:de": {"rule.0": r"^0(\d+)$ => +49$1", "rule.0.name": "national",
                 "rule.7": "^112$ => +112"},
    "policy:staff": {"pstn_usages": "more,all"},
    "route:near": {"pattern": r"^\+4930", "trunks": "gw1*2,gone,gw2", "usages": "all,more",
                   "name": "Berlin", "priority": 3},
    "route:far": {"pattern": r"^\+", "trunks": "gw2", "usages": "all", "priority": 1},
    "route:show": {"pattern": r"^\+", "trunks": "gw2", "usages": "more", "priority": 1,
                   "suppress_caller_id": "yes", "alternate_caller_id": "+4930999"},
    "response_rules:itsp": {"rule.0": "received_response_code=486 "
                                      "translated_response_code=503"},
    "limits:trunk:gw1": {"max_calls": 30},
    "limits:site:hq:br": {"audio_bw_limit": 2000},
    "test:t1": {"dialed_number": "030123", "from_trunk": "gw1"},
}

with Case(plan=46) as t:
    redis = RedisServer(t)
    redis.load({"med:1:" + key: fields for key, fields in OBJECTS.items()})
    control = t.path("kamailio.ctl")
    lines, ways = jsonrpc.server(t)
    config = t.write("kamailio.cfg", bare(t.port(), control, redis.url, lines))
    kamailio = Kamailio(t, config, control=control)
    rpc = kamailio.rpc
    ask = ways.datagram

    def loaded():
        try:
            return ask("mediation.trunks", 0, 1)["total"] == 3
        except (OSError, Failure):
            return False
    wait_for("the configuration to be loaded", loaded)

    def fault(pattern, name, *words):
        """By ctl and by JSON-RPC the same code and the beginning of the same text."""
        texts = []
        for call in (rpc, ask):
            try:
                texts.append(f"no fault, but {str(call(*words))[:200]}")
            except Failure as why:
                texts.append(str(why))
        if not t.ok(all(re.search(pattern, text) for text in texts), name):
            t.diag(f"expected: {pattern}\n" + "\n".join(texts))

    for kind, plural in PLURALS.items():
        known = sorted(key.split(":", 1)[1] for key in OBJECTS if key.split(":")[0] == kind)
        answer = ask("mediation." + plural)
        if kind == "route":  # once in each of its usages
            known = ["far", "near", "show", "near"]
        t.equal((answer["total"], [item["id"] for item in answer[plural]]),
                (len(known), known), f"{plural}: all of them, in order")

    one = ask("mediation.trunks", "gw1")
    t.equal({name: one.get(name) for name in (
        "id", "gateway", "transport", "port", "local_port", "enabled", "mediation_server",
        "description", "srtp", "srtp_configured", "profile", "usages", "calls_in")},
        {"id": "gw1", "gateway": "gw1", "transport": "tcp", "port": 5066, "local_port": 5070,
         "enabled": "yes", "mediation_server": "med1", "description": 'a "b" \\ c',
         "srtp": "not_supported", "srtp_configured": "required", "profile": "global",
         "usages": "all,more", "calls_in": 0},
        "a trunk: defaults filled in, numbers are numbers, what is in force beside")
    t.equal(ask("mediation.trunks", "gw2")["port"], 6067, "its port is its gateway's")
    one = ask("mediation.gateways", "gw1")
    t.equal((one["source"], one["routable"], one.get("tls_name")), ("192.0.2.1", "yes", None),
            "a gateway's source is its address")
    t.equal(ask("mediation.gateways", "gw2")["tls_name"], "gw2.example.com",
            "a gateway's tls_name is its host name")
    t.equal(ask("mediation.sites", "hq"),
            {"id": "hq", "name": "Headquarters", "subnets": "192.0.2.0/24,2001:db8::/32",
             "audio_bw_session_limit": 175, "video_bw_session_limit": 700}, "a site")
    one = ask("mediation.profiles", "global")
    t.equal((one["pstn_usages"], one["srtp_mode"], one["trying_timeout_ms"],
             one["failover_codes"], one["max_early_dialogs"]),
            ("all,more", "required", 1500, "408,500,502,503,504", 20), "a profile")
    one = ask("mediation.rules", "de")
    t.equal([(name, value) for name, value in one.items() if name.startswith("rule.")],
            [("rule.0", r"^0(\d+)$ => +49$1"), ("rule.0.name", "national"),
             ("rule.7", "^112$ => +112")], "rules, numbered ones last")
    t.equal(ask("mediation.limits", "site:hq:br")["audio_bw_limit"], 2000,
            "ids with colons")
    t.equal(ask("mediation.trunks", "30")["id"], "30", "an id that is a number, as a text")
    t.equal(ask("mediation.trunks", 30)["id"], "30", "and as a number")

    # routes, as they are tried
    answer = ask("mediation.routes", "usage=all", 0, 40)
    t.equal((answer["total"], [r["id"] for r in answer["routes"]]), (2, ["far", "near"]),
            "the routes of a usage in the order they are tried")
    t.equal(answer["routes"][1],
            {"id": "near", "usage": "all", "pattern": r"^\+4930", "priority": 3,
             "trunks": "gw1*2,gone,gw2", "suppress_caller_id": "no"},
            "a route: weights, and trunks that are not there by their names")
    t.equal(ask("mediation.routes", "near")["usages"], "all,more",
            "a route by its id, with all of its usages")
    t.equal(ask("mediation.routes", "show")["alternate_caller_id"], "+4930999",
            "the caller id it shows")
    t.equal([r["id"] for r in ask("mediation.routes", "trunks=gw1", 0, 9)["routes"]],
            ["near", "near"], "routes by trunk, whatever its weight")
    t.equal([r["id"] for r in ask("mediation.routes", 1, 2)["routes"]], ["near", "show"],
            "a page of routes")
    fault("404.*'nosuch'", "an unknown usage", "mediation.routes", "usage=nosuch", "0", "9")
    fault("404.*no route 'x'", "an unknown route", "mediation.routes", "x")
    fault("400.*not kept", "what is not kept of routes", "mediation.routes", "name=B*", "0", "9")

    # filters and pages
    t.equal([x["id"] for x in ask("mediation.trunks", "transport=t*", 0, 9)["trunks"]],
            ["gw1", "gw2"], "a filter by the beginning of a value, defaults too")
    answer = ask("mediation.trunks", "enabled=yes", 1, 1)
    t.equal((answer["total"], answer["next"], [x["id"] for x in answer["trunks"]]),
            (3, 2, ["gw1"]), "a page of what is wanted, and where the next begins")
    t.ok("next" not in ask("mediation.trunks", 0, 3), "the last page says so")
    t.equal(ask("mediation.policies", "usages=all", 0, 9)["total"], 1,
            "an entry of a list will do")
    t.equal(ask("mediation.trunks", 5, 9)["trunks"], [], "past the end is an empty page")

    # faults
    fault("404.*no trunk 'x' is in force", "an unknown id", "mediation.trunks", "x")
    fault("400.*'transport' is near", "an unknown field", "mediation.trunks", "transprot=x",
          "0", "9")
    fault("400.*1 to 40", "a limit too large", "mediation.gateways", "0", "41")
    fault("400.*1 to 40", "no limit at all", "mediation.gateways", "0", "0")
    fault("400", "an offset that is no number", "mediation.sites", "x", "5")
    fault("400", "an offset below 0", "mediation.sites", "-1", "5")
    fault("400.*more than 3", "too many words", "mediation.sites", "a", "b", "c", "d")
    redis.hset("med:1:policy:bad", usage="x")
    redis.hset("med:1:policy:staff", pstn_usages="$")
    wait_for("the refusals", lambda: "refused_total: 3\n" in rpc("mediation.status"))
    fault("404.*not in force: policy 'bad': unknown field 'usage'", "a refused object says why",
          "mediation.policies", "bad")
    t.equal(ask("mediation.policies", "staff")["usages"], "more,all",
            "the last good version is listed")
    try:
        ask("mediation.sites", True)
        t.ok(False, "a word that is neither text nor number: no fault")
    except jsonrpc.Fault as why:
        t.equal(why.code, 400, "a word that is neither text nor number")
    t.ok("not-to-be-seen" not in kamailio.log() + rpc("mediation.trunks", "gw2")
         + str(ask("mediation.trunks")), "a password is seen nowhere")
