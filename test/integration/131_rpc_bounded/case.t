#!/usr/bin/python3
"""Answers are bounded, whatever the values and however many: by every way of asking."""

import re

import jsonrpc
from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import Failure, wait_for

TRUNKS = 10000
LONG = "ü\"\\" * 256  # 1,024 bytes, of which JSON makes more
RULES = {f"rule.{n}": rf"^{n:04}(\d{{3}}){'[0-9]' * 40}$ => +49{n}$1" for n in range(1000)}
RULES |= {f"rule.{n}.description": "d" * 1000 for n in range(0, 1000, 10)}
USAGES = [f"{n:03}{'u' * 61}" for n in range(256)]
SUBNETS = [f"2001:db8:{n:x}:ffff:ffff:ffff:ffff:{n:x}/128" for n in range(64)]
IDS = {kind: f"{kind}-{'x' * 50}" for kind in ("gateway", "trunk", "policy", "site")}

with Case(plan=16) as t:
    redis = RedisServer(t)
    control = t.path("kamailio.ctl")
    lines, ways = jsonrpc.server(t)
    config = t.write("kamailio.cfg", bare(t.port(), control, redis.url, lines))
    kamailio = Kamailio(t, config, control=control)
    redis.load({
        "med:1:rules:big": {"description": LONG, **RULES},
        f"med:1:policy:{IDS['policy']}": {"usages": ",".join(USAGES), "name": "n" * 256},
        f"med:1:profile:trunk:{IDS['trunk']}": {"pstn_usages": ",".join(USAGES), "description": LONG},
        f"med:1:site:{IDS['site']}": {"subnets": ",".join(SUBNETS)},
        f"med:1:gateway:{IDS['gateway']}": {"address": "192.0.2.1"},
        f"med:1:trunk:{IDS['trunk']}": {
            "gateway": IDS["gateway"], "transport": "udp", "name": '"' * 256,
            "description": LONG},
        "med:1:route:wide": {
            "pattern": r"^\+", "usages": ",".join(USAGES),
            "trunks": ",".join(f"{n:02}{'t' * 62}*{n + 1}" for n in range(64))},
    })
    with redis.client() as client:
        for number in range(TRUNKS):
            client.send("HSET", f"med:1:trunk:t{number:05}", "gateway", IDS["gateway"],
                        "transport", "udp", "local_port", 20000 + number,
                        "description", f"{number:05} {'y' * 250}")
            if number % 1000 == 999:
                for _ in range(1000):
                    client.reply()
    total = TRUNKS + 1

    def loaded():
        try:
            return ways.datagram("mediation.trunks", 0, 1)["total"] == total
        except (OSError, Failure):
            return False
    wait_for("10,001 trunks", loaded)

    def pages(call, method, key, *words, limit=40):
        """All items of a listing, following `next`."""
        found, offset = [], 0
        while offset is not None:
            answer = call(method, *words, offset, limit)
            found += answer[key]
            if answer.get("next") is not None and answer["next"] <= offset:
                raise Failure(f"{method}: the page after {offset} is {answer['next']}")
            offset = answer.get("next")
        return found

    def whole(call, method, identity):
        """All fields of one object, following `next`; lists joined."""
        found, answer, count = {}, call(method, identity), 1
        while True:
            rest = answer.pop("next", None)
            for name, value in answer.items():
                found[name] = f"{found[name]},{value}" if name in found and name != "id" else value
            if rest is None:
                return found, count
            answer = call(method, identity, rest, 10000)
            count += 1

    for name, call in (("datagram", ways.datagram), ("FIFO", ways.fifo), ("HTTP", ways.http)):
        seen = [item["id"] for item in pages(call, "mediation.trunks", "trunks")]
        t.equal((len(seen), seen == sorted(set(seen))), (total, True),
                f"10,001 trunks with long values in pages by {name}")
    seen, offset = [], "0"
    while offset:
        page = kamailio.rpc("mediation.trunks", offset, "40")
        seen += re.findall(r"\tid: (\S+)", page)
        following = re.search(r"^\tnext: (\d+)", page, re.M)
        offset = following[1] if following else None
    t.equal((len(seen), seen == sorted(set(seen))), (total, True), "and by ctl")
    t.equal(len(pages(ways.datagram, "mediation.trunks", "trunks", "description=00*")), 1000,
            "filtered ones in pages")

    rules, count = whole(ways.datagram, "mediation.rules", "big")
    t.equal({k: v for k, v in rules.items() if k.startswith("rule.")},
            RULES, f"1,000 rules in {count} pages, each once")
    rules = {}
    offset = "0"
    while offset:
        page = kamailio.rpc("mediation.rules", "big", offset, "30")
        rules |= dict(re.findall(r"\t(rule\.\d+): (.*)", page))
        following = re.search(r"^\tnext: (\d+)", page, re.M)
        offset = following[1] if following else None
    t.equal(len(rules), 1000, "and by ctl, 30 at a time")
    policy, count = whole(ways.fifo, "mediation.policies", IDS["policy"])
    t.equal(policy["usages"].split(","), USAGES, f"256 long usages in {count} pages")
    site, count = whole(ways.http, "mediation.sites", IDS["site"])
    t.equal(len(site["subnets"].split(",")), 64, "64 subnets")
    route, count = whole(ways.datagram, "mediation.routes", "wide")
    t.equal((route["usages"].split(","), len(route["trunks"].split(","))), (USAGES, 64),
            "a route with 256 usages and 64 trunks")
    t.equal(len(pages(ways.datagram, "mediation.routes", "routes")), 256,
            "listed once in each of its usages")
    trunk, count = whole(ways.datagram, "mediation.trunks", IDS["trunk"])
    t.equal((trunk["description"], trunk["usages"].split(",")), (LONG, USAGES),
            "a trunk whose every value is long")
    for kind in ("rules", "policies", "profiles", "sites", "trunks", "routes"):
        kamailio.rpc("mediation." + kind)
        ways.http("mediation." + kind)
    t.ok(True, "every listing answers by default")
    explained = ways.datagram("mediation.explain", IDS["trunk"], IDS["policy"], "+4930123")
    t.ok(explained["steps"], "explain answers with long names")
    biggest = max(ways.sizes)
    t.ok(biggest <= 40000, f"no answer is longer than 40,000 bytes of JSON ({biggest})")
    t.equal([line for line in kamailio.log().splitlines()
             if "ERROR" in line or "CRITICAL" in line or "failed to" in line], [],
            "nothing went wrong while answering")
