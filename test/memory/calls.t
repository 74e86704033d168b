#!/usr/bin/python3
"""Module and plugin under valgrind, and under the allocator that checks its own blocks, while
real calls are made, refused, moved on, changed and ended, and the configuration changes."""

import subprocess

from case import Case
from kamailio import Kamailio
from listener import Listener, learned
from memcheck import Memcheck
from rtpengine import Rtpengine
from sandbox import BUILD, Failure, wait_for
from sip import sdp
from trunks import Trunks

ROUNDS = 3
SLOW = {"trying_timeout_ms": "20000", "progress_timeout_ms": "30000"}  # all is 30 times slower
KEY = "A" * 40


class Watched(Trunks):
    """Its Kamailio runs under memcheck, with q_malloc, which looks at its blocks' ends."""

    def start(self):
        self.watch = Memcheck(self.sandbox, "kamailio")
        self.kamailio = Kamailio(
            self.sandbox, self.config, control=self.control, defines=self.defines,
            wrapper=self.watch.wrapper, host=self.host, options=("-x", "qm", "-X", "qm"))
        wait_for("the configuration to be loaded", self._loaded, 180)


with Case(plan=9) as t:
    # Memcheck must see what is wrong, or its silence says nothing.
    source = t.write("wrong.c", "#include <stdlib.h>\nint main(void) { char *p = malloc(8); "
                     "char c = p[8]; return c == 'x' ? 1 : 0; }\n")
    subprocess.run(["gcc", "-g", "-O0", source, "-o", t.path("wrong")], check=True)
    seen = Memcheck(t, "wrong", ours=[t.path("")])
    subprocess.run([*seen.wrapper, t.path("wrong")], capture_output=True, check=False)
    t.like(" ".join(seen.findings()), r"Invalid read of size 1: main \(wrong.c:2\).*"
           "definitely lost.*main", "memcheck sees a wrong read, and a block that is lost")

    rtpengine, policy = Rtpengine(t, address="127.0.0.2"), Memcheck(t, "listener")
    listener = Listener(t, [rtpengine.port], wrapper=policy.wrapper,
                        program=f"{BUILD}/med-ng-policy")
    learned(listener.port)
    trunks = Watched(
        t, {"pbx1": {**SLOW, "transport": "tls", "srtp_mode": "required"},
            "gw1": {**SLOW, "transport": "tcp", "outbound_translation_rules": "national"},
            "gw2": {**SLOW, "transport": "udp"}},
        routes={"first": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
                "second": {"pattern": r"^\+49\d+$", "trunks": "gw2", "priority": "1"}},
        rules={"national": [r"^\+49(\d+)$ => 0$1"]},
        defines={"NG_SOCK": f'"udp:127.0.0.1:{listener.port}"',
                 "WORKERS": "1"})
    wait_for("the policy listener to be seen", lambda: "yes" in trunks.listener(), 180)
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    def call(number="+4930123", key=KEY):
        return trunks.call("pbx1", number, sdp=sdp(30000, profile="RTP/SAVP", key=key))

    answered = refused = 0
    for turn in range(ROUNDS):
        # Answered by the second trunk, held, ended.
        sent = call()
        call_id = sent.get("Call-ID")
        gw1.reply(gw1.expect("INVITE", call_id=call_id), 503, "Service Unavailable")
        got = gw2.expect("INVITE", call_id=call_id)
        gw2.reply(got, 183, "Session Progress", sdp=sdp(31000))
        gw2.reply(got, 200, "OK", sdp=sdp(31000))
        final = pbx1.expect("2xx", call_id=call_id)
        pbx1.ack(sent, final)
        gw2.expect("ACK", call_id=call_id)
        pbx1.reinvite(sent, final, sdp=sdp(30000, profile="RTP/SAVP", key="C" * 40))
        again = gw2.expect("INVITE", call_id=call_id)
        gw2.reply(again, 200, "OK", sdp=sdp(31000))
        pbx1.expect("2xx", call_id=call_id)
        pbx1.bye(sent, final, cseq=3)
        gw2.reply(gw2.expect("BYE", call_id=call_id), 200, "OK")
        pbx1.expect("2xx", call_id=call_id)
        answered += 1
        # Refused: plain audio where SRTP is required; no route; busy; cancelled by nobody.
        plain = trunks.call("pbx1", "+4930123", sdp=sdp(30000))
        refused += pbx1.expect("final", call_id=plain.get("Call-ID")).status in (488, 503)
        unknown = call("+33123")
        refused += pbx1.expect("final", call_id=unknown.get("Call-ID")).status == 404
        busy = call()
        gw1.reply(gw1.expect("INVITE", call_id=busy.get("Call-ID")), 486, "Busy Here")
        refused += pbx1.expect("final", call_id=busy.get("Call-ID")).status == 486
        # What is in force changes, is refused, is asked for.
        with trunks.redis.client() as client:
            client.command("HSET", "med:1:rules:national", "rule.0", rf"^\+49(\d+)$ => 0{turn}$1")
            client.command("HSET", "med:1:trunk:bad", "port", "none", "gateway", "gw1")
            client.command("DEL", "med:1:trunk:bad")
        for words in (("mediation.trunks",), ("mediation.status",), ("mediation.metrics", 0, 9),
                      ("mediation.explain", "pbx1", "-", "+4930123"), ("mediation.trunk_state",),
                      ("mediation.routes", "gone")):
            try:
                trunks.kamailio.rpc(*words)
            except Failure:
                pass
    t.equal(answered, ROUNDS, "calls were answered by the second trunk, changed and ended")
    t.equal(refused, 3 * ROUNDS, "and refused with their codes")
    trunks.redis.stop()
    wait_for("the loss", lambda: "store: down" in trunks.kamailio.rpc("mediation.status"), 180)
    trunks.redis.start()
    # What was lost is looked for at the end, in each process.
    trunks.kamailio.process.stop(180)
    listener.process.stop(180)
    t.ok(trunks.watch.ended() >= 5, f"{trunks.watch.ended()} processes of Kamailio came to "
         "their end")
    t.equal(trunks.watch.findings(), [], "none of them did wrong in code of ours, or lost memory")
    t.equal(trunks.alarms(), [], "q_malloc found each block whole")
    t.ok(policy.ended() >= 1, "so did the plugin")
    t.equal(policy.findings(), [], "which did nothing wrong")
    t.equal([line for line in trunks.kamailio.log().splitlines() if "BUG" in line], [],
            "and no bug is in the log")
