#!/usr/bin/python3
"""A caller without offer, a trunk that takes none without: both get one, and hear each other.

gw1 (RTP) and gw2 (SRTP required) want an offer in the INVITE (initial_offer early); gw3 takes it
as it comes. pbx1 has SRTP required, pbx2 RTP, pbx3 DTLS-SRTP.
"""

import itertools
import re

from case import Case
from sandbox import wait_for
from sides import DtlsSide, RtpSide, SrtpSide, passes
from sip import sdp
from trunks import Trunks, Turned

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
REASON = r"^SIP;cause=488;text="
RTP = """\
v=0
o=- 1 1 IN IP4 127.0.0.2
s=-
c=IN IP4 127.0.0.2
t=0 0
m=audio PORT RTP/AVP 8 0 101
a=sendrecv
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:PORT
"""
SRTP = RTP.replace("RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\n"
OFFERED = """\
v=0
o=- 1 1 IN IP4 127.0.0.2
s=-
c=IN IP4 127.0.0.2
t=0 0
m=audio PORT RTP/SAVP 8
a=rtpmap:8 PCMA/8000
a=sendrecv
a=rtcp:PORT
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY
"""


def shape(body):
    """Without what is another each time."""
    body = re.sub(r"(m=audio |a=rtcp:)\d+", r"\1PORT", body.replace("\r", ""))
    return re.sub(r"inline:\S+", "inline:KEY", body)


with Case(plan=75 + 4 * 5 + 4 + 3 + 4) as t:
    fields = {"initial_offer": "early", "failover_codes": "503"}
    trunks = Trunks(t, {
        "pbx1": {"transport": "tls", "srtp_mode": "required"},
        "pbx2": {"srtp_mode": "not_supported", "early_media_code": "183"},
        "gw1": {"transport": "tcp", "srtp_mode": "not_supported", **fields},
        "gw2": {"transport": "tls", "srtp_mode": "required", **fields},
        "gw3": {"transport": "tcp", "srtp_mode": "not_supported"},
        "gw4": {"transport": "tls", "srtp_mode": "optional", **fields},
        "pbx3": {"transport": "tls", "srtp_keys": "dtls"},
    }, routes={"one": {"pattern": r"^\+41", "trunks": "gw1"},
               "two": {"pattern": r"^\+42", "trunks": "gw2"},
               "first": {"pattern": r"^\+43", "trunks": "gw1"},
               "then": {"pattern": r"^\+43", "trunks": "gw3", "priority": "1"},
               "four": {"pattern": r"^\+45", "trunks": "gw4"},
               "third": {"pattern": r"^\+44", "trunks": "gw3"},
               "last": {"pattern": r"^\+44", "trunks": "gw1", "priority": "1"}}, media=True)
    pbx1, pbx2, gw1, gw2, gw3, gw4, pbx3 = trunks.peers.values()
    kinds = {"pbx1": SrtpSide, "gw2": SrtpSide, "pbx3": DtlsSide}
    count = itertools.count(1)

    def hear(what, a, b):
        t.equal([passes(a, b, next(count)), passes(b, a, next(count))], [True, True],
                f"{what}: heard both ways")

    def side(name):
        return kinds.get(name, RtpSide)(t, trunks.peers[name])

    def hang_up(caller, callee, sent, final, cseq=2):
        caller.bye(sent, final, cseq=cseq)
        callee.reply(callee.expect("BYE"), 200, "OK")
        caller.expect("2xx")

    def gone(what):
        wait_for(f"{what}: nothing to be left", lambda: not trunks.rtpengine.calls())

    # ---- SRTP or RTP on either leg, and what comes later in the call ----
    for caller, callee, number, golden in (("pbx1", "gw1", "+4130", RTP), ("pbx2", "gw1", "+4130", RTP),
                                           ("pbx1", "gw2", "+4230", SRTP), ("pbx2", "gw2", "+4230", SRTP)):
        word, a, b = f"{caller} to {callee}", side(caller), side(callee)
        sent = trunks.call(caller, number)
        got = b.peer.expect("INVITE")
        t.equal(shape(got.body), golden, f"{word}: the trunk gets an offer")
        b.read(got)
        b.peer.reply(got, 180, "Ringing", sdp=b.sdp())
        t.equal(a.peer.expect(180).body, "", f"{word}: the caller none in a 180 that it cannot acknowledge")
        b.peer.reply(got, 200, "OK", sdp=b.sdp())
        final = a.peer.expect("2xx")
        a.read(final)
        a.peer.ack(sent, final, sdp=a.sdp())
        t.equal(b.peer.expect("ACK").body, "", f"{word}: the ACK has no SDP")
        hear(word, a, b)
        b.peer.reply(got, 200, "OK", sdp=b.sdp(), headers=["X-Again: 1"])
        again = a.peer.expect("2xx")
        a.peer.ack(sent, again, sdp=a.sdp())
        t.equal([again.body, b.peer.expect("ACK").body], [final.body, ""], f"{word}: a 200 that is repeated")
        hear(f"{word}, after it", a, b)
        for one in (a, b):
            if isinstance(one, SrtpSide):
                one.out.sequence = 65534
        for _ in range(3):
            hear(f"{word}, past a wrap", a, b)
        if caller == "pbx1":
            t.equal(shape(final.body), OFFERED, f"{word}: the caller is offered what the trunk answered")
        turned = Turned(got, final)
        for one, other, its, mine in ((a, b, sent, final), (b, a, turned, turned)):
            cseq = 2 if one is a else 101
            again = one.peer.reinvite(its, mine, one.sdp(), cseq=cseq)
            offer = other.peer.expect("INVITE")
            other.read(offer)
            other.peer.reply(offer, 200, "OK", sdp=other.sdp())
            one.read(one.peer.expect("2xx"))
            one.peer._in_dialog("ACK", its, mine, cseq=cseq)
            other.peer.expect("ACK")
        hear(f"{word}, after a re-INVITE of each", a, b)
        a.peer.reinvite(sent, final, a.sdp(), cseq=3)
        b.peer.reply(b.peer.expect("INVITE"), 488, "Not Acceptable Here")
        b.peer.expect("ACK")
        a.peer.expect(488)
        hear(f"{word}, after one that is refused", a, b)
        again = a.peer.reinvite(sent, final, cseq=4)
        offer = b.peer.expect("INVITE")
        t.equal(offer.body, "", f"{word}: within the call it is asked for an offer as any")
        b.peer.reply(offer, 200, "OK", sdp=b.sdp())
        a.read(a.peer.expect("2xx"))
        a.peer._in_dialog("ACK", again, final, sdp=a.sdp(), cseq=4)
        answer = b.peer.expect("ACK")
        b.read(answer)
        hear(f"{word}, after a delayed re-offer", a, b)
        t.equal([len(one.keys) for one in (a, b) if isinstance(one, SrtpSide)],
                [1] * (isinstance(a, SrtpSide) + isinstance(b, SrtpSide)), f"{word}: each reads one key throughout")
        hang_up(a.peer, b.peer, sent, final, cseq=5)
        gone(word)

    # ---- beside DTLS-SRTP ----
    for caller, callee, number in (("pbx3", "gw1", "+4130"), ("pbx3", "gw2", "+4230")):
        word, a, b = f"{caller} to {callee}", side(caller), side(callee)
        sent = trunks.call(caller, number)
        got = b.peer.expect("INVITE")
        b.read(got)
        b.peer.reply(got, 200, "OK", sdp=b.sdp())
        final = a.peer.expect("2xx")
        a.read(final)
        a.peer.ack(sent, final, sdp=a.sdp())
        b.peer.expect("ACK")
        a.shake()
        hear(word, a, b)
        a.peer.reinvite(sent, final, a.sdp(), cseq=2)
        again = b.peer.expect("INVITE")
        b.peer.reply(again, 200, "OK", sdp=b.sdp())
        a.read(a.peer.expect("2xx"))
        a.peer._in_dialog("ACK", sent, final, cseq=2)
        b.read(again)
        b.peer.expect("ACK")
        hear(f"{word}, after a re-INVITE", a, b)
        hang_up(a.peer, b.peer, sent, final, cseq=3)
        gone(word)

    # ---- a reply that is acknowledged brings the caller the offer sooner ----
    def reliable_183():
        """Up to that: the two sides, both INVITEs, and it."""
        a, b = side("pbx1"), side("gw1")
        sent = trunks.call("pbx1", "+4130", headers=["Supported: 100rel"])
        got = gw1.expect("INVITE")
        b.read(got)
        gw1.reply(got, 183, "Session Progress", sdp=b.sdp(), headers=["Require: 100rel", "RSeq: 7"])
        return a, b, sent, got, pbx1.expect(183)

    a, b, sent, got, early = reliable_183()
    t.equal(shape(early.body), OFFERED, "a reliable 183 brings the caller an offer")
    a.read(early)
    pbx1._in_dialog("PRACK", sent, early, sdp=a.sdp(), cseq=2, headers=["RAck: 7 1 INVITE"])
    prack = gw1.expect("PRACK")
    t.equal(prack.body, "", "its PRACK with the answer goes on without SDP")
    gw1.reply(prack, 200, "OK")
    pbx1.expect("2xx")
    hear("early media", a, b)
    gw1.reply(got, 200, "OK", sdp=b.sdp())
    final = pbx1.expect("2xx")
    t.equal(final.body, "", "who has answered gets no second offer in the 200")
    pbx1.ack(sent, final)
    t.equal(gw1.expect("ACK").body, "", "its ACK needs no SDP then")
    hear("and in the call", a, b)
    hang_up(pbx1, gw1, sent, final, cseq=3)
    gone("PRACK")

    a, b, sent, got, early = reliable_183()
    pbx1._in_dialog("PRACK", sent, early, sdp=sdp(30000), cseq=2, headers=["RAck: 7 1 INVITE"])
    refused = pbx1.expect("4xx")
    t.equal((refused.status, refused.method), (488, "PRACK"), "an answer in the clear in PRACK is refused")
    gw1.reply(got, 200, "OK", sdp=b.sdp())
    final = pbx1.expect("2xx")
    a.read(final)
    pbx1.ack(sent, final, sdp=a.sdp())
    t.equal(gw1.expect("ACK").body, "", "the 200 brings the offer once more")
    hear("answered in ACK", a, b)
    hang_up(pbx1, gw1, sent, final, cseq=3)
    gone("a refused PRACK")

    # ---- behind the trunk several phones ring ----
    a, first, second = side("pbx1"), side("gw1"), side("gw1")
    sent = trunks.call("pbx1", "+4130", headers=["Supported: 100rel"])
    got = gw1.expect("INVITE")
    for cseq, (b, tag) in enumerate(((first, "first"), (second, "second")), 2):
        b.read(got)
        gw1.reply(got, 183, "Session Progress", sdp=b.sdp(), tag=tag, headers=["Require: 100rel", "RSeq: 7"])
        early = pbx1.expect(183)
        a.read(early)
        pbx1._in_dialog("PRACK", sent, early, sdp=a.sdp(), cseq=cseq, headers=["RAck: 7 1 INVITE"])
        gw1.reply(gw1.expect("PRACK"), 200, "OK")
        pbx1.expect("2xx")
        hear(f"the {tag} one", a, b)
    gw1.reply(got, 200, "OK", sdp=second.sdp(), tag="second")
    final = pbx1.expect("2xx")
    pbx1.ack(sent, final)
    t.equal([final.body, gw1.expect("ACK").body], ["", ""], "who has answered it is not asked again")
    hear("the one that answers", a, second)
    hang_up(pbx1, gw1, sent, final, cseq=4)
    gone("several phones")

    # ---- what the caller answers is refused, or missing ----
    def ended(what, callee="gw1", number="+4130", reason=REASON, **answer):
        b = side(callee)
        sent = trunks.call("pbx1", number)
        b.peer.reply(b.peer.expect("INVITE"), 200, "OK", sdp=b.sdp())
        pbx1.ack(sent, pbx1.expect("2xx"), **answer)
        t.equal(b.peer.expect("ACK").body, "", f"{what}: the trunk gets ACK")
        byes = [peer.expect("BYE") for peer in (b.peer, pbx1)]
        t.ok(all(re.search(reason, bye.get("Reason")) for bye in byes), f"{what}: both get BYE, and why")
        for peer, bye in zip((b.peer, pbx1), byes):
            peer.reply(bye, 200, "OK")
        gone(what)

    ended("an ACK without SDP", "gw2", "+4230")
    ended("an answer in the clear", sdp=sdp(30000))
    ended("an answer in another codec", reason="^SIP;cause=", sdp=sdp(30000, profile="RTP/SAVP", key=KEY)
          .replace("8 PCMA", "9 G722").replace("SAVP 8", "SAVP 9"))

    # ---- what the trunk answers ----
    sent = trunks.call("pbx1", "+4230")
    gw2.reply(gw2.expect("INVITE"), 200, "OK", sdp=sdp(32000))
    gw2.expect("ACK")
    t.like(gw2.expect("BYE").get("Reason"), REASON, "a trunk that answers in the clear is ended")
    t.equal(pbx1.expect("final").status, 488, "the caller hears 488")
    sent = trunks.call("pbx1", "+4130")
    gw1.reply(gw1.expect("INVITE"), 200, "OK")
    gw1.expect("ACK")
    t.like(gw1.expect("BYE").get("Reason"), "no answer to our offer", "a trunk that answers nothing, too")
    t.equal(pbx1.expect("final").status, 488, "the caller hears 488")
    gone("refused answers")

    # ---- another trunk ----
    a, b = side("pbx2"), side("gw3")
    sent = trunks.call("pbx2", "+4330")
    got = gw1.expect("INVITE")
    t.equal(shape(got.body), RTP, "the first trunk gets an offer")
    gw1.reply(got, 503, "Service Unavailable")
    got = gw3.expect("INVITE")
    t.equal(got.body, "", "the next one takes none")
    gw3.reply(got, 200, "OK", sdp=b.sdp())
    final = pbx2.expect("2xx")
    a.read(final)
    pbx2.ack(sent, final, sdp=a.sdp())
    b.read(gw3.expect("ACK"))
    hear("after a failover to a trunk without", a, b)
    hang_up(pbx2, gw3, sent, final)
    a, b = side("pbx2"), side("gw1")
    sent = trunks.call("pbx2", "+4430")
    gw3.reply(gw3.expect("INVITE"), 503, "Service Unavailable")
    got = gw1.expect("INVITE")
    t.equal(shape(got.body), RTP, "the other way round: the second one gets an offer")
    b.read(got)
    gw1.reply(got, 200, "OK", sdp=b.sdp())
    final = pbx2.expect("2xx")
    a.read(final)
    pbx2.ack(sent, final, sdp=a.sdp())
    t.equal(gw1.expect("ACK").body, "", "and an ACK without SDP")
    hear("after a failover to a trunk with an offer", a, b)
    hang_up(pbx2, gw1, sent, final)
    gone("failover")

    # ---- given up; with an offer of its own; with another body ----
    sent = trunks.call("pbx1", "+4130")
    got = gw1.expect("INVITE")
    gw1.reply(got, 180, "Ringing")
    pbx1.expect(180)
    pbx1.send([f"CANCEL {sent.uri} SIP/2.0", f"Via: {sent.get('Via')}", "Max-Forwards: 70",
               f"From: {sent.get('From')}", f"To: {sent.get('To')}",
               f"Call-ID: {sent.get('Call-ID')}", "CSeq: 1 CANCEL"], link=sent.link)
    t.equal(pbx1.expect("2xx").method, "CANCEL", "a call that is given up")
    gw1.reply(gw1.expect("CANCEL"), 200, "OK")
    gw1.reply(got, 487, "Request Terminated")
    pbx1.expect(487)
    gone("CANCEL")
    sent, got, final = trunks.answered("pbx2", "gw1", "+4130", sdp(30000), sdp(32000))
    t.ok(" 8\r" in got.body and "m=audio" in final.body, "an offer of the caller's own goes on as ever")
    hang_up(pbx2, gw1, sent, final)
    pbx2.send_raw("\r\n".join([
        f"INVITE sip:+4130@127.0.0.1:{trunks.local['pbx2']} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{pbx2.port};branch=z9hG4bKbody", "From: <sip:1000@127.0.0.1>;tag=1",
        "To: <sip:+4130@127.0.0.1>", "Call-ID: body", "CSeq: 1 INVITE", f"Contact: {pbx2.contact}",
        "Content-Type: text/plain", "Content-Length: 5", "", "hello"]).encode(), trunks.address("pbx2"))
    t.equal(pbx2.expect("final").status, 488, "an INVITE with another body gets no offer of ours")

    # ---- no bypass ----
    def revision():
        return int(re.search(r"revision: (\d+)", trunks.kamailio.rpc("mediation.status"))[1])

    def profile(name, **fields):
        before = revision()
        trunks.redis.hset(f"med:1:profile:{name}", **fields)
        wait_for("the profile to be in force", lambda: revision() > before)

    profile("global", bypass_mode="always")
    for name in ("trunk:pbx2", "trunk:gw1"):
        profile(name, enable_bypass="yes")
    sent, got, final = trunks.answered("pbx2", "gw1", "+4130", sdp(30000), sdp(32000))
    t.like(got.body + final.body, "m=audio 32000", "media may go past us: so it does with the caller's offer")
    hang_up(pbx2, gw1, sent, final)
    trunks.call("pbx2", "+4130")
    got = gw1.expect("INVITE")
    t.equal(shape(got.body), RTP, "but not with ours")
    gw1.reply(got, 486, "Busy Here")
    pbx2.expect(486)
    gone("no bypass")

    # ---- a trunk that would rather have no SRTP ----
    trunks.call("pbx2", "+4530")
    got = gw4.expect("INVITE")
    t.like(got.body, "RTP/AVP 8 0 101\r(.|\n)*a=crypto:1 ", "SRTP is optional: keys are offered")
    gw4.reply(got, 488, "Not Acceptable Here")
    got = gw4.expect("INVITE")
    t.equal(shape(got.body), RTP, "and refused: once more without")
    gw4.reply(got, 486, "Busy Here")
    pbx2.expect(486)
    gone("SRTP refused")
    a, b = side("pbx2"), SrtpSide(t, gw4, "RTP/AVP")
    sent = trunks.call("pbx2", "+4530")
    got = gw4.expect("INVITE")
    b.read(got)
    gw4.reply(got, 200, "OK", sdp=b.sdp())
    final = pbx2.expect("2xx")
    a.read(final)
    pbx2.ack(sent, final, sdp=a.sdp())
    gw4.expect("ACK")
    hear("RTP/AVP with keys", a, b)
    hang_up(pbx2, gw4, sent, final)
    gone("RTP/AVP with keys")

    # ---- codecs ----
    profile("trunk:pbx1", codecs="G722,PCMU")
    profile("trunk:gw1", codecs="PCMA,PCMU")
    trunks.call("pbx1", "+4130")
    got = gw1.expect("INVITE")
    t.like(got.body, "AVP 0 101\r", "offered are codecs that both legs may have")
    gw1.reply(got, 486, "Busy Here")
    pbx1.expect(486)
    profile("trunk:pbx1", codecs="G722")
    trunks.call("pbx1", "+4130")
    t.equal(pbx1.expect("final").status, 488, "where there is none, the trunk is not called")
    profile("trunk:pbx1", transcode="yes")
    sent = trunks.call("pbx1", "+4130")
    got = gw1.expect("INVITE")
    t.like(got.body, "AVP 8 0 101\r", "unless the caller's is made of any")
    gw1.reply(got, 200, "OK", sdp=sdp(32000))
    final = pbx1.expect("2xx")
    t.like(final.body, "RTP/SAVP 9", "it is offered its own then")
    pbx1.ack(sent, final, sdp=sdp(30000, profile="RTP/SAVP", key=KEY).replace("8 PCMA", "9 G722")
             .replace("SAVP 8", "SAVP 9"))
    t.equal(gw1.expect("ACK").body, "", "and answers with it")
    hang_up(pbx1, gw1, sent, final)
    gone("codecs")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
    t.equal(trunks.stat("gate_blocked"), 0, "and the gate had nothing to do")
