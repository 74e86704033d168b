#!/usr/bin/python3
"""Malformed objects are refused one by one, with a text a person can act on; the last good
version stays in force and everything else applies."""

import json
import re

from case import Case
from sandbox import wait_for
from trunks import Trunks

# key, fields, what the text must say
BAD = [
    ("trunk:new1", {"gatway": "gw1"}, "trunk 'new1'.*'gatway'.*'gateway'"),
    ("trunk:new2", {"gateway": "gw1", "port": "12x"}, "trunk 'new2'.*'port'.*12x"),
    ("trunk:new3", {"gateway": "gw1", "port": "99999"}, "trunk 'new3'.*'port'"),
    ("trunk:new4", {"gateway": "nobody"}, "trunk 'new4'.*nobody"),
    ("trunk:new5", {"gateway": "gw1", "transport": "sctp"}, "trunk 'new5'.*'transport'"),
    ("trunk:bad id", {"gateway": "gw1"}, "trunk 'bad id'"),
    ("trunk:" + "x" * 65, {"gateway": "gw1"}, "x+"),
    ("gateway:g3", {"name": "no address"}, "gateway 'g3'.*'address'"),
    ("gateway:g4", {"address": "10.0.0.1", "source": "10.0.0.0/33"}, "gateway 'g4'.*'source'"),
    ("route:r3", {"pattern": "^(49", "usages": "all", "trunks": "gw1"}, "route 'r3'.*'pattern'"),
    ("route:r4", {"pattern": ".*", "usages": "all", "trunks": "gw1,ghost"}, "trunk 'ghost'.*'r4'"),
    ("profile:trunk:gw1", {"srtp_mode": "maybe"}, "profile 'trunk:gw1'.*'srtp_mode'"),
    ("profile:somewhere", {"anchor": "no"}, "profile 'somewhere'"),
    ("rules:d", {"rule.0": "no arrow"}, "rules 'd'.*'rule.0'"),
    ("policy:p", {"usage": "all"}, "policy 'p'.*'usage'.*'usages'"),
    ("trnk:t", {"gateway": "gw1"}, "'med:1:trnk:t'.*trunk"),
]

def faults(text):
    return re.findall(r"object: (.*)\n\s+text: (.*)", text)


with Case(plan=len(BAD) + 17) as t:
    trunks = Trunks(t, {"pbx1": {"anchor": "no"}, "gw1": {"anchor": "no"}},
                    routes={"all": {"pattern": ".*", "trunks": "gw1"}})
    redis, rpc = trunks.redis, trunks.kamailio.rpc

    def refused():
        return faults(rpc("mediation.status").split("warned_total")[0])

    def warned():
        return faults(rpc("mediation.status").split("warned_total")[1])

    def call_arrives(name):
        invite = trunks.call("pbx1", "+4930123")
        got = trunks.gw1.expect("INVITE", call_id=invite.get("Call-ID"))
        trunks.gw1.reply(got, 486, "Busy Here")
        trunks.pbx1.expect(486, call_id=invite.get("Call-ID"))
        return t.ok(True, name)

    t.equal(refused(), [], "nothing is refused at first")
    for number, (key, fields, text) in enumerate(BAD, 1):
        redis.command("HSET", f"med:1:{key}", *[w for pair in fields.items() for w in pair])
        wait_for(f"{key} to be refused", lambda: len(refused()) >= number)
        texts = "\n".join(f"{o}: {w}" for o, w in refused())
        t.like(texts, text, f"{key} is refused and says why")
    t.equal(len(refused()), len(BAD), "each once, and none for another's fault")
    call_arrives("calls go on meanwhile")
    t.like(rpc("mediation.trunks", "gw1"), "srtp_configured: required",
           "the last good version of the profile stays in force")

    redis.command("RPUSH", "med:1:policy:list", "x")
    wait_for("the list", lambda: len(refused()) == len(BAD) + 1)
    t.like("\n".join(w for _, w in refused()), "policy:list.*not a hash", "a key of another type")
    redis.command("SET", "med:1:trunk:gw1-x", "x")
    wait_for("the string", lambda: len(refused()) == len(BAD) + 2)
    t.ok(True, "and one more")

    with redis.client() as client:  # the trunk in use, replaced by something else
        client.command("MULTI")
        client.command("DEL", "med:1:trunk:gw1")
        client.command("SADD", "med:1:trunk:gw1", "x")
        client.command("EXEC")
    wait_for("it to be refused", lambda: any(o == "trunk:gw1" for o, _ in refused()))
    call_arrives("a trunk overwritten by a set keeps its last good version")

    total = len(trunks.lines("refused: "))
    t.equal(total, len(BAD) + 3, "each refusal is one log line")
    rpc("mediation.reload")
    wait_for("the reload", lambda: len(trunks.lines("revision", "in force:")) >= 2)
    t.equal(len(trunks.lines("refused: ")), total, "and not logged again by a full read")
    t.equal(trunks.stat("objects_refused"), total, "the counter says the same")

    redis.command("DEL", "med:1:trunk:gw1")
    redis.hset("med:1:trunk:gw1", gateway="gw1", transport="udp", port=trunks.gw1.port,
               local_port=trunks.local["gw1"])
    redis.command("HSET", "med:1:profile:trunk:gw1", "srtp_mode", "optional")
    wait_for("both to be mended", lambda: len(refused()) == len(BAD) + 1)
    t.like(rpc("mediation.trunks", "gw1"), "srtp_configured: optional", "mended ones apply")
    t.like("\n".join(w for _, w in warned()), "srtp_mode optional, but transport udp cannot",
           "what is in force, but will not do what it says, is warned of")
    def status():
        return json.loads(redis.command("GET", redis.command("KEYS", "medrun:1:status:*")[0]))

    wait_for("the status key", lambda: status()["warned_total"] == 1)
    status = status()
    t.equal(len(status["warned"]), 1, "in the status key, too")
    t.equal((status["refused_total"], len(status["refused"])), (len(BAD) + 1,) * 2,
            "apart from what is refused")
    t.equal(len(trunks.lines("warned: ")), 1, "and in one log line")
    for key, _, _ in BAD:
        if key != "profile:trunk:gw1":
            redis.command("DEL", f"med:1:{key}")
    redis.command("DEL", "med:1:policy:list", "med:1:trunk:gw1-x")
    wait_for("no refusal left", lambda: not refused())
    t.ok(True, "removed ones are forgotten")
    call_arrives("and calls go on")
