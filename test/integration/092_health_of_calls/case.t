#!/usr/bin/python3
"""Calls that fail make a trunk less preferred, then down; one call finds out; Retry-After."""

import re
import socket

from case import Case
from sandbox import TOP, wait_for
from sip import Message, sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "options_interval_s": "0",
         "trying_timeout_ms": "300", "progress_timeout_ms": "1000"}
QUICK = {**PLAIN, "suspect_after": "2", "down_after": "3", "retry_down_s": "2"}
PROBED = {**QUICK, "options_interval_s": "1", "options_down_interval_s": "1",
          "options_timeout_ms": "500"}


def config(sandbox):
    """kamailio.cfg, and event routes that say what they were run for."""
    with open(f"{TOP}/kamailio-cfg/kamailio.cfg", encoding="utf-8") as file:
        text = file.read().replace('include_file "', f'include_file "{TOP}/kamailio-cfg/')
    for which in ("up", "down"):
        text += (f"event_route[mediation:trunk-{which}] {{\n"
                 f'\txlog("L_NOTICE", "EVENT {which} $med(trunk) $med(code) $med(reason)\\n");\n}}\n')
    return sandbox.write("health.cfg", text)


with Case(plan=32) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": QUICK, "gw2": QUICK, "gw3": PROBED,
                        "gw4": {**QUICK, "transport": "tcp"},
                        "mute": {**PROBED, "transport": "tls"}},
                    routes={"all": {"pattern": r"^\+49\d+$", "priority": "0",
                                    "trunks": "gw1*0,gw2*0"},
                            "refuses": {"pattern": r"^\+33\d+$", "priority": "0",
                                        "trunks": "gw3*0,gw2*0"},
                            "tcp": {"pattern": r"^\+44\d+$", "priority": "0",
                                    "trunks": "gw4*0,gw2*0"},
                            "help": {"pattern": "^112$", "trunks": "gw1*0,gw2*0"}},
                    config=config(t), without=("mute",))
    pbx1, gw1, gw2, gw3, gw4 = (trunks.peers[n] for n in trunks.names[:5])
    rest, gw3._take = gw3._take, lambda data, link: (
        gw3.reply(Message(data.decode(), link), 200, "OK")
        if data.startswith(b"OPTIONS") else rest(data, link))

    def shown(name):
        lines = trunks.kamailio.rpc("mediation.trunks", name).splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def state(name):
        return shown(name)["state"]

    def order(number="+49301234567"):
        text = trunks.kamailio.rpc("mediation.explain", "pbx1", "-", number)
        return re.findall(r"\n\t\t\ttrunk: (\w+)", text)

    def call(*answers, number="+49301234567"):
        """A call that each of these (peer, code, headers..) answers in turn; 0: not at all."""
        sent = trunks.call("pbx1", number, sdp=sdp(30000))
        this = sent.get("Call-ID")
        for peer, code, *headers in answers:
            got = peer.expect("INVITE", call_id=this)
            if code:
                peer.reply(got, code, "So be it", headers=headers,
                           sdp=sdp(31000) if code == 200 else None)
        final = pbx1.expect("final", call_id=this)
        if final.status == 200:
            pbx1.ack(sent, final)
            answers[-1][0].expect("ACK", call_id=this)
        return final.status

    # A storm of 503.
    t.equal(call((gw1, 503), (gw2, 486)), 486, "a 503 sends the call on")
    t.equal((state("gw1"), order()), ("up", ["gw1", "gw2"]), "one is nothing")
    call((gw1, 503), (gw2, 486))
    t.equal((state("gw1"), order()), ("suspect", ["gw2", "gw1"]), "two: tried after the others")
    t.equal((shown("gw1")["state_cause"], shown("gw1")["last_failure"]), ("calls", "503"), "why")
    wait_for("the time to be over", lambda: state("gw1") == "up")
    t.equal(order(), ["gw1", "gw2"], "for a while")
    call((gw1, 503), (gw2, 486))
    t.equal(state("gw1"), "suspect", "one more is enough then")
    wait_for("the time to be over", lambda: state("gw1") == "up")
    t.equal(call((gw1, 486)), 486, "busy: the callee's, and a sign of health")
    call((gw1, 503), (gw2, 486))
    t.equal(state("gw1"), "up", "so it is counted anew")

    # Silence; then one call finds out, at its own place, and no other meanwhile.
    call((gw1, 0), (gw2, 486))
    t.equal(state("gw1"), "suspect", "a timer counts as well")
    call((gw2, 503), (gw1, 0))
    t.equal((state("gw1"), shown("gw1")["last_failure"]), ("down", "408"), "three: down")
    wait_for("the event route", lambda: trunks.lines("EVENT down gw1 408 3 calls failed"))
    t.ok(True, "which is told to the script")
    t.equal(order(), ["gw2", "gw1"], "it comes last")
    wait_for("a trial to be due", lambda: order() == ["gw1", "gw2"])
    first = trunks.call("pbx1", "+49301234567", sdp=sdp(30000))
    got = gw1.expect("INVITE", call_id=first.get("Call-ID"))
    gw1.reply(got, 100, "Trying")
    t.equal((state("gw1"), order()), ("trial", ["gw2", "gw1"]), "one call tries, others do not")
    t.equal(call((gw2, 486)), 486, "they go elsewhere")
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    answer = pbx1.expect("2xx", call_id=first.get("Call-ID"))
    pbx1.ack(first, answer)
    gw1.expect("ACK")
    t.equal((state("gw1"), order()), ("up", ["gw1", "gw2"]), "it took the call: up")
    wait_for("the event route", lambda: trunks.lines("EVENT up gw1"))
    t.equal(len(trunks.lines("EVENT down gw1")), 1, "and nothing was told twice")

    # A callee who does not answer is no failure of the trunk, though the call goes on.
    def profile(name, **fields):
        trunks.redis.hset(f"med:1:profile:trunk:{name}", **fields)
        wait_for("that to be in force", lambda: all(
            f"{field}: {value}" in trunks.kamailio.rpc("mediation.profiles", f"trunk:{name}")
            for field, value in fields.items()))

    patient = {"trying_timeout_ms": "3000", "progress_timeout_ms": "3000"}
    profile("gw1", **patient, answer_timeout_ms="3000", suspect_after="1")
    sent = trunks.call("pbx1", "+49301234567", sdp=sdp(30000))
    gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), 180, "Ringing")
    gw2.reply(gw2.expect("INVITE", call_id=sent.get("Call-ID")), 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 486, "nobody answers: the next trunk")
    t.equal(state("gw1"), "up", "which says nothing of this one")

    # Timers and connections are no codes.
    profile("gw1", failover_codes="500", trying_timeout_ms="300")
    t.equal(call((gw1, 0), (gw2, 486)), 486, "a timer sends a call on, whatever failover_codes has")
    t.equal(state("gw1"), "suspect", "and counts")

    # The last trunk of an emergency call fails as any other.
    wait_for("the time to be over", lambda: state("gw1") == "up")
    profile("gw1", **patient)
    profile("gw2", **patient, suspect_after="1")
    trunks.redis.load({"med:1:location_policy:global": {"emergency_dial_string": "112",
                                                        "pstn_usages": "all"}})
    wait_for("emergencies", lambda: "emergency" in trunks.kamailio.rpc(
        "mediation.explain", "pbx1", "-", "112"))
    t.equal(call((gw1, 603), (gw2, 503), number="112"), 503, "an emergency goes on whatever comes")
    t.equal((state("gw1"), state("gw2")), ("up", "suspect"), "and tells who failed")
    wait_for("the time to be over", lambda: state("gw2") == "up")
    profile("gw1", failover_codes="408,503", suspect_after="2")
    profile("gw2", trying_timeout_ms="300", suspect_after="2")

    # Its own wish, and no longer than we let it have.
    trunks.redis.hset("med:1:profile:trunk:gw1", max_retry_after_s="2")
    wait_for("that to be in force",
             lambda: "max_retry_after_s: 2" in trunks.kamailio.rpc("mediation.profiles",
                                                                   "trunk:gw1"))
    call((gw1, 503, "Retry-After: 3600 (maintenance)"), (gw2, 486))
    t.equal((state("gw1"), shown("gw1")["state_cause"]), ("down", "retry_after"), "Retry-After")
    t.equal(call((gw2, 486)), 486, "is heeded")
    wait_for("it to be over", lambda: state("gw1") == "up")
    t.equal(call((gw1, 486)), 486, "and bounded")

    # It answers OPTIONS and refuses every call.
    wait_for("gw3 to be up", lambda: state("gw3") == "up")
    for _ in range(2):
        t.equal(call((gw3, 503), (gw2, 486), number="+331234567"), 486, "it refuses calls")
    call((gw2, 503), (gw3, 503), number="+331234567")
    t.equal((state("gw3"), shown("gw3")["state_cause"]), ("down", "calls"),
            "OPTIONS are answered, calls are not: down")
    heard = shown("gw3")["heard_at"]
    wait_for("OPTIONS to be answered", lambda: shown("gw3")["heard_at"] != heard)
    t.equal(state("gw3"), "down", "OPTIONS do not bring it back")

    # Takes no connection.
    gw4.close()
    for _ in range(2):
        call((gw2, 486), number="+441234567")
    t.equal(state("gw4"), "suspect", "no connection is a failure as well")

    # A TLS peer that takes connections and never speaks holds up nobody else's OPTIONS.
    listener = socket.create_server(("127.0.0.1", trunks.far["mute"]))
    probes, since = trunks.stat("probes"), shown("gw3")["heard_at"]
    wait_for("eight more OPTIONS", lambda: trunks.stat("probes") >= probes + 8)
    t.ok(shown("gw3")["heard_at"] > since, "OPTIONS go on beside a TLS peer that is mute")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
    listener.close()
