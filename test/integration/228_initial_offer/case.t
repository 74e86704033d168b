#!/usr/bin/python3
"""A trunk that needs an offer gets no INVITE without SDP (for one with an offer of ours: 223)."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

with Case(plan=11) as t:
    plain = {"srtp_mode": "not_supported"}
    trunks = Trunks(t, {"pbx1": plain, "gw1": {**plain, "initial_offer": "required"}, "gw2": plain},
                    routes={"both": {"pattern": r"^\+49", "trunks": "gw1"},
                            "second": {"pattern": r"^\+49", "trunks": "gw2", "priority": "1"},
                            "sos": {"pattern": r"^112$", "trunks": "gw1"},
                            "one": {"pattern": r"^\+43", "trunks": "gw1"},
                            "after": {"pattern": r"^\+41", "trunks": "gw2"},
                            "last": {"pattern": r"^\+41", "trunks": "gw1", "priority": "1"}}, media=True)
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    trunks.call("pbx1", "+4930")
    got = gw2.expect("INVITE")
    t.equal(got.body, "", "an INVITE without SDP goes to the trunk that takes it")
    gw2.reply(got, 486, "Busy Here")
    pbx1.expect(486)
    gw1.expect_none("INVITE", 0.1)
    t.ok(True, "and not to the one that needs an offer")

    trunks.call("pbx1", "+4330")
    t.equal(pbx1.expect("final").status, 488, "where no other trunk takes it: 488")
    t.like(str(trunks.lines("needs an offer")),
           "trunk 'gw1' needs an offer, and the INVITE has no SDP; send it with SDP", "and why")

    trunks.call("pbx1", "+4130")
    gw2.reply(gw2.expect("INVITE"), 503, "Service Unavailable")
    t.equal(pbx1.expect("final").status, 488, "nor does it get one after another trunk has failed")

    trunks.redis.load({"med:1:location_policy:global": {"emergency_dial_string": "112", "pstn_usages": "all"}})
    wait_for("the emergency number", lambda: "emergency" in
             trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "112"))
    trunks.call("pbx1", "112")
    got = gw1.expect("INVITE")
    t.equal(got.body, "", "an emergency call is sent to it all the same")
    gw1.reply(got, 486, "Busy Here")
    pbx1.expect(486)

    sent, _, final = trunks.answered("pbx1", "gw1", "+4330", sdp(30000), sdp(32000))
    t.ok("m=audio" in final.body, "with SDP it takes calls")
    pbx1.reinvite(sent, final)
    again = gw1.expect("INVITE")
    t.equal(again.body, "", "within a call it is asked for an offer as any")
    gw1.reply(again, 200, "OK", sdp=sdp(32000))
    t.ok("m=audio" in pbx1.expect("2xx").body, "and makes one")
    pbx1._in_dialog("ACK", sent, final, sdp=sdp(30000))
    gw1.expect("ACK")
    pbx1.bye(sent, final, cseq=3)
    gw1.reply(gw1.expect("BYE"), 200, "OK")
    pbx1.expect("2xx")

    trunks.redis.hset("med:1:profile:trunk:gw1", initial_offer="early", anchor="no")
    t.like(wait_for("the refusal to be told", lambda: "'initial_offer': early" in
                    (text := trunks.kamailio.rpc("mediation.status")) and text),
           "the offer has rtpengine's address; set anchor yes",
           "an offer of ours needs rtpengine: told when it is loaded")
    t.equal((trunks.rtpengine.calls(), trunks.alarms()), ([], []), "nothing is left, no alarm")
