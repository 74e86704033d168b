#!/usr/bin/python3
"""RPC with 10,000 trunks: pages that fit, faults that are faults, explain that explains."""

import re

from case import Case
from sandbox import Failure, wait_for
from trunks import Trunks

TRUNKS = 10000
PLAIN = {"anchor": "no"}

with Case(plan=25) as t:
    trunks = Trunks(t, {"pbx1": {**PLAIN, "dial_plan": "de"}, "gw1": PLAIN, "gw2": PLAIN}, routes={
        "near": {"pattern": r"^\+4930", "trunks": "gw1,gw2",
                 "suppress_caller_id": "yes", "alternate_caller_id": "+4930999"},
        "far": {"pattern": r"^\+", "trunks": "gw2", "priority": "5"},
    }, rules={"de": [r"^0(\d+)$ => +49$1"], "national": [r"^\+49(\d*)$ => 0$1"]})
    redis, rpc = trunks.redis, trunks.kamailio.rpc
    redis.hset("med:1:profile:trunk:gw1", outbound_translation_rules="national")

    def fault(pattern, name, *words):
        try:
            t.ok(False, f"{name}: no fault, but {rpc(*words)[:200]}")
        except Failure as why:
            t.like(str(why), pattern, name)

    def explained(*words):
        return rpc("mediation.explain", *words)

    wait_for("the rules", lambda: "called: 030123" in explained("pbx1", "-", "030123"))
    text = explained("pbx1", "-", "030123", "040777")
    t.like(text, r"e164: \+4930123", "the dial plan is applied")
    t.equal(re.findall(r"\n\t\t\ttrunk: (\w+)", text), ["gw1", "gw2"],
            "candidates in order, each once")
    t.equal(re.findall(r"\n\t\t\tcalled: (\S+)", text), ["030123", "+4930123"],
            "numbers as each trunk wants them")
    t.equal(re.findall(r"\n\t\t\tcalling: (\S+)", text), ["+4930999"] * 2,
            "the alternate caller id of the route")
    t.like(text, r"(?s)step:.*route 'near'.*step:.*route 'far'", "every step is told")
    t.like(text, "routed: yes", "and the outcome")
    t.like(explained("pbx1", "-", "112"), r"routed: no\n\s+result: no rule of dial plan 'de'",
           "a number no rule takes")
    t.like(explained("pbx1", "-", "abc"), r"routed: no\n\s+result: 'abc' is not a number",
           "letters")
    redis.command("DEL", "med:1:route:far")
    wait_for("no route", lambda: "routed: no" in explained("pbx1", "-", "+1555"))
    t.like(explained("pbx1", "-", "+1555"), "result: .*route", "a number no route takes")
    fault("404.*'nobody'", "an unknown trunk", "mediation.explain", "nobody", "-", "+49")
    fault("404.*'nobody'", "an unknown policy", "mediation.explain", "-", "nobody", "+49")
    fault("400.*three or four", "too few words", "mediation.explain", "pbx1")
    fault("400.*neither", "nobody's usages", "mediation.explain", "-", "-", "+49")

    with redis.client() as client:
        for number in range(TRUNKS):
            client.send("HSET", f"med:1:trunk:t{number:05}", "gateway", "gw1", "transport",
                        "udp", "local_port", 40000 + number, "name", "x" * 60)
            if number % 1000 == 999:
                for _ in range(1000):
                    client.reply()
    total = TRUNKS + 3
    wait_for("10,000 trunks", lambda: f"total: {total}\n" in rpc("mediation.trunks", 0, 1))
    wait_for("the status", lambda: f"trunk: {total}\n" in rpc("mediation.status"))
    t.ok(True, "the status counts them")
    seen, offset = [], 0
    while True:
        page = re.findall(r"id: (\S+)", rpc("mediation.trunks", offset, 40))
        if not page:
            break
        seen += page
        offset += 40
    t.equal((len(seen), len(set(seen))), (total, total), "pages of 40 give each trunk once")
    t.equal(seen, sorted(seen), "in order of id")
    t.equal(len(re.findall(r"id: ", rpc("mediation.trunks"))), 20, "a page has 20 by default")
    t.like(rpc("mediation.trunks", "t09999"), "local_port: 49999", "one by its id")
    fault("404", "a trunk that is not there", "mediation.trunks", "t1")
    fault("400.*offset and limit", "a limit too large", "mediation.trunks", "0", "41")
    fault("400", "a limit that is no number", "mediation.trunks", "0", "x")
    fault("400", "an offset that is no number", "mediation.trunks", "-1", "5")

    with redis.client() as client:  # 10,000 refused at once
        client.command("MULTI")
        for number in range(TRUNKS):
            client.send("HSET", f"med:1:trunk:t{number:05}", "bad_field_name", "x")
        for _ in range(TRUNKS):
            client.reply()
        client.command("EXEC")
    wait_for("the refusals", lambda: f"refused_total: {TRUNKS}\n" in rpc("mediation.status"))
    t.equal(len(trunks.lines("WARNING", "refused: trunk")), 100,
            "of 10,000 refusals at once 100 are logged")
    t.like(rpc("mediation.status"), f"trunk: {total}", "their last good versions stay")
    for number in range(100):  # texts as long as they can be
        redis.hset(f"med:1:profile:trunk:{number:03}{'x' * 61}",
                   sip_response_code_translation_rules=f"{number:03}{'y' * 61}")
    wait_for("the warnings", lambda: "warned_total: 200\n" in rpc("mediation.status"))
    text = rpc("mediation.status")
    t.equal(len(re.findall(r"object: ", text)), 60, "30 of each are shown, within one answer")
