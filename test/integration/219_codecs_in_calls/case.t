#!/usr/bin/python3
"""Codecs of profiles, from Redis to the SDP on the wire, for the whole call; and refused."""

import re

from case import Case
from sandbox import wait_for
from trunks import Trunks, Turned

MAPS = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000", 13: "CN/8000", 18: "G729/8000"}


def sdp(port, *payloads, lines=""):
    maps = "".join(f"a=rtpmap:{p} {MAPS.get(p, 'telephone-event/8000')}\r\n" for p in payloads)
    return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {' '.join(map(str, payloads))}\r\n{maps}{lines}")


def formats(message):
    return [int(p) for p in re.search(r"^m=audio \d+ RTP/AVP ([\d ]+)\r", message.body, re.M)[1].split()]


with Case(plan=17) as t:
    plain = {"srtp_mode": "not_supported"}
    trunks = Trunks(t, {
        "pbx1": plain,
        "gw1": {**plain, "codecs": "G729"},
        "gw2": {**plain, "codecs": "PCMA, G722", "transcode": "yes", "dtmf_payload": "101",
                "packet_time_ms": "30", "comfort_noise": "no"},
        "pbx2": {**plain, "codecs": "PCMA"},
    }, routes={"one": {"pattern": r"^\+49", "trunks": "gw1"},
               "two": {"pattern": r"^\+4[39]", "trunks": "gw2", "priority": "1"},
               "only": {"pattern": r"^\+41", "trunks": "gw1"}}, media=True)
    pbx1, gw1, gw2, pbx2 = trunks.pbx1, trunks.gw1, trunks.gw2, trunks.pbx2

    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000, 0, 13, 96))
    got = gw2.expect("INVITE")
    t.equal(formats(got), [8, 9, 101], "gw1 takes none of the codecs, so gw2; its own, in its order")
    t.like(got.body, r"a=rtpmap:101 telephone-event/8000\r(.*\n)*a=ptime:30\r", "and its packet time")
    gw2.reply(got, 200, "OK", sdp=sdp(32000, 8, 101))
    final = pbx1.expect("2xx")
    t.equal(formats(final), [0, 96], "the caller reads what it offered")
    pbx1.ack(sent, final)
    gw2.expect("ACK")
    gw1.expect_none("INVITE", 0.1)
    t.ok(True, "and gw1 heard nothing of it")

    trunks.redis.command("HSET", "med:1:profile:trunk:gw2", "codecs", "G729", "transcode", "no")
    again = pbx1.reinvite(sent, final, sdp(30000, 0, 13, 96))
    offer = gw2.expect("INVITE")
    t.equal(formats(offer), [8, 9, 101], "a re-INVITE: as it was when the call began")
    gw2.reply(offer, 200, "OK", sdp=sdp(32000, 8, 101))
    t.equal(formats(pbx1.expect("2xx")), [0, 96], "answered as before")
    pbx1.ack(again, final)
    gw2.expect("ACK")

    callee = Turned(got, final)
    kind, digit = "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"
    for peer, other, sides in ((pbx1, gw2, (sent, final)), (gw2, pbx1, (callee, callee))):
        rest = peer.send_raw
        peer.send_raw = lambda data, *to: rest(data.replace(b"application/sdp", kind.encode()), *to)
        peer._in_dialog("INFO", *sides, sdp=digit, cseq=90)
        peer.send_raw = rest
        info = other.expect("INFO")
        t.equal((info.get("Content-Type"), info.body), (kind, digit), f"a digit in INFO of {peer.user} goes on as it is")
        other.reply(info, 200, "OK")
        peer.expect(200)
    back = gw2.reinvite(callee, callee, sdp(32000, 8, 101), cseq=101)
    offer = pbx1.expect("INVITE")
    t.equal(formats(offer), [8, 0, 101], "a re-INVITE of the callee: the caller's codec is in it")
    pbx1.reply(offer, 200, "OK", sdp=sdp(30000, 0, 101))
    t.equal(formats(gw2.expect("2xx")), [8, 101], "and the callee reads its own")
    gw2.ack(back, callee)
    pbx1.expect("ACK")
    pbx1.bye(sent, final, cseq=91)
    gw2.reply(gw2.expect("BYE"), 200, "OK")
    pbx1.expect("2xx")

    trunks.call("pbx1", "+4130", sdp=sdp(30010, 0, 8))
    refused = pbx1.expect("final")
    t.equal(refused.status, 488, "no trunk that takes it: 488")
    t.like(str(trunks.lines("refused with 488")),
           r"trunk 'gw1': m-line 1: none of the codecs offered is one of the leg's \(G729\); add one, "
           "or transcode yes", "and why")
    trunks.call("pbx2", "+4130", sdp=sdp(30020, 18))
    t.equal(pbx2.expect("final").status, 488, "a caller that may not offer it: 488")
    t.like(str(trunks.lines("trunk 'pbx2'")), r"\(PCMA\); offer one of those", "and why")
    t.equal((trunks.rtpengine.calls(), trunks.stat("media_refused") > 0), ([], True),
            "nothing is left, and it is counted")

    trunks.redis.command("HSET", "med:1:profile:trunk:gw2", "dtmf", "info")
    trunks.redis.command("HSET", "med:1:profile:trunk:gw1", "srtp_mki", "required")
    t.like(wait_for("that refusal", lambda: "field 'srtp_mki'" in
                    (text := trunks.kamailio.rpc("mediation.status")) and text),
           "required: rtpengine writes packets of its own keys without MKI", "nor can an MKI of ours")
    status = wait_for("the refusal to be told", lambda: "field 'dtmf': info" in
                        (text := trunks.kamailio.rpc("mediation.status")) and text)
    t.like(status, r"field 'dtmf': info: we send no requests of our own within a call",
           "digits as INFO cannot be, and it says so")
