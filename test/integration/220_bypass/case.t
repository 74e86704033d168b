#!/usr/bin/python3
"""Media past us where both ends allow it and are near: packets, and no rtpengine session."""

import re

from case import Case
from rtp import End
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
PLAIN = {"transport": "tcp", "srtp_mode": "not_supported", "enable_bypass": "yes"}
SECURE = {"transport": "tls", "srtp_mode": "required", "enable_bypass": "yes"}
UDP = {**PLAIN, "transport": "udp"}


def secure(port):
    return sdp(port, profile="RTP/SAVP", key=KEY)


with Case(plan=27) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN, "gw1": PLAIN, "gw2": {**PLAIN, "enable_bypass": "no"},
        "tls1": SECURE, "tls2": {**SECURE, "srtp_mode": "optional"}, "udp1": UDP, "udp2": {**UDP, "trying_timeout_ms": "30000"},
    }, routes={"1": {"pattern": r"^\+1\d+$", "trunks": "gw1"},
               "2": {"pattern": r"^\+2\d+$", "trunks": "gw2"},
               "3": {"pattern": r"^\+3\d+$", "trunks": "tls2"},
               "4": {"pattern": r"^\+4\d+$", "trunks": "udp2"},
               "51": {"pattern": r"^\+5\d+$", "trunks": "gw2"},
               "52": {"pattern": r"^\+5\d+$", "trunks": "gw1", "priority": "1"}}, media=True)
    redis, engine = trunks.redis, trunks.rtpengine

    def sessions():
        return int(engine.ng("statistics")["statistics"]["currentstatistics"]["sessionstotal"])

    def explained(caller, number):
        return trunks.kamailio.rpc("mediation.explain", caller, "-", number)

    # no site, no common place
    t.like(explained("pbx1", "+10"), "media: anchored", "without a site media is anchored")
    t.like(explained("pbx1", "+10"), "through us: the offer 127.0.0.1 is in no site's subnets",
           "and explain says why")
    redis.hset("med:1:site:hq", subnets="127.0.0.1")
    wait_for("the site", lambda: "media: bypass" in explained("pbx1", "+10"))
    t.like(explained("pbx1", "+10"), "media goes past us: both ends are at site 'hq'",
           "with it explain says that it goes past us")
    t.like(explained("pbx1", "+20"), "trunk 'gw2' has enable_bypass no", "or whose profile has not")

    # real packets, end to end
    ends = End(t), End(t)
    sent, got, final = trunks.answered("pbx1", "gw1", "+10", sdp(ends[0].port), sdp(ends[1].port))
    t.equal((got.body, final.body), (sdp(ends[0].port), sdp(ends[1].port)),
            "both SDPs go on, byte for byte")
    t.equal((engine.calls(), sessions()), ([], 0), "rtpengine has no session")
    for end, message in zip(ends, (final, got)):
        host, port = re.search(r"c=IN IP4 (\S+)", message.body)[1], re.search(
            r"m=audio (\d+)", message.body)[1]
        end.sock.sendto(b"\x80\x08" + bytes(170), (host, int(port)))
    t.ok(wait_for("packets", lambda: all(len(end.got() or b"") == 172 for end in ends)),
         "packets go from end to end")
    # hold and resume, from either end
    trunks.pbx1.reinvite(sent, final, sdp(ends[0].port).replace("a=sendrecv", "a=inactive"))
    again = trunks.gw1.expect("INVITE")
    t.ok("127.0.0.2" not in again.body and f"m=audio {ends[0].port} " in again.body,
         "a re-INVITE goes past us as well")
    trunks.gw1.reply(again, 200, "OK", sdp=sdp(ends[1].port))
    back = trunks.pbx1.expect("2xx")
    t.ok("127.0.0.2" not in back.body, "and its answer")
    trunks.pbx1._in_dialog("ACK", sent, final, cseq=2)
    trunks.gw1.expect("ACK")
    t.equal(engine.calls(), [], "without a session still")
    trunks.pbx1.bye(sent, final, cseq=3)
    trunks.gw1.reply(trunks.gw1.expect("BYE"), 200, "OK")
    t.equal(trunks.pbx1.expect(200).method, "BYE", "BYE ends it")

    # one that does not allow it
    sent, got, final = trunks.answered("pbx1", "gw2", "+20", sdp(30000), sdp(31000))
    t.ok("127.0.0.2" in got.body and "127.0.0.2" in final.body, "enable_bypass no: anchored")
    t.equal(len(engine.calls()), 1, "with a session")
    trunks.pbx1.bye(sent, final)
    trunks.gw2.reply(trunks.gw2.expect("BYE"), 200, "OK")
    trunks.pbx1.expect(200)

    # each candidate as its own profile says
    sent = trunks.call("pbx1", "+50", sdp=sdp(30000))
    got = trunks.gw2.expect("INVITE")
    t.ok("127.0.0.2" in got.body, "the first candidate is anchored")
    trunks.gw2.reply(got, 503, "Service Unavailable")
    got = trunks.gw1.expect("INVITE")
    t.equal(got.body, sdp(30000), "the second is not")
    t.ok(wait_for("the session to go", lambda: not engine.calls()), "and leaves no session")
    trunks.gw1.reply(got, 200, "OK", sdp=sdp(31000))
    final = trunks.pbx1.expect("2xx")
    t.equal(final.body, sdp(31000), "nor is its answer")
    trunks.pbx1.ack(sent, final)
    trunks.gw1.expect("ACK")

    # SRTP from end to end, and never without
    sent, got, final = trunks.answered("tls1", "tls2", "+30", secure(30000), secure(31000))
    t.ok("m=audio 30000 RTP/SAVP" in got.body and KEY in got.body and KEY in final.body,
         "keys go from TLS to TLS")
    t.equal(engine.calls(), [], "past rtpengine")
    sent = trunks.call("tls1", "+30", sdp=secure(30000))
    call_id = sent.get("Call-ID")
    got = trunks.tls2.expect("INVITE", call_id=call_id)
    trunks.tls2.reply(got, 200, "OK", sdp=sdp(31000))
    t.equal(trunks.tls1.expect("final", call_id=call_id).status, 488,
            "a plain answer is not for a leg with SRTP required")
    ended = trunks.tls2.expect("BYE", call_id=call_id)
    t.like(ended.get("Reason"), "cause=488", "its peer gets BYE")
    trunks.tls2.reply(ended, 200, "OK")
    sent = trunks.call("pbx1", "+30", sdp=sdp(30000))
    got = trunks.tls2.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok("127.0.0.2" in got.body and "a=crypto" in got.body,
         "plain to optional: anchored, so that the one leg keeps its keys")
    trunks.tls2.reply(got, 486, "Busy Here")
    trunks.pbx1.expect(486, call_id=sent.get("Call-ID"))

    # what tm sends again comes from another process
    seen, take = [], trunks.udp2._take
    trunks.udp2._take = lambda data, link: (seen.append(data), take(data, link))
    sent = trunks.call("udp1", "+40", sdp=sdp(30000))
    call_id = sent.get("Call-ID")
    got = trunks.udp2.expect("INVITE", call_id=call_id)
    t.equal(got.body, sdp(30000), "an INVITE over UDP")
    t.ok(wait_for("it to be repeated", lambda: len(seen) > 1), "is repeated")
    t.equal(seen[0], seen[1], "as it was")
    trunks.udp2.reply(got, 486, "Busy Here")
    trunks.udp1.expect(486, call_id=call_id)
    t.equal(trunks.lines("kept back"), [], "the gate kept nothing back")
    t.equal(trunks.alarms(), [], "no alarm")
