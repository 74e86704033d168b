#!/usr/bin/python3
"""What a profile says of its media, from Redis to the SDP on the wire, and for the whole call."""

import re

from case import Case
from sip import sdp
from trunks import Trunks, Turned

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"


def keys(body):
    """Its a=crypto lines without their keys."""
    return re.findall(r"^a=crypto:(\d+ \w+)", body, re.M)


def secure(port, tag=1, suite="AES_CM_128_HMAC_SHA1_80"):
    return sdp(port, profile="RTP/SAVP") + f"a=crypto:{tag} {suite} inline:{KEY}\r\n"


with Case(plan=15) as t:
    suites = "AES_CM_128_HMAC_SHA1_32, AES_CM_128_HMAC_SHA1_80"
    trunks = Trunks(t, {
        "gw1": {"srtp_mode": "not_supported", "early_media_code": "183"},
        "pbx1": {"transport": "tls", "srtp_suites": suites, "sdp_dialect": "lync",
                 "hold_form": "inactive"},
        "gw2": {"srtp_mode": "not_supported", "anchor": "no", "early_media_code": "183"},
        "gw3": {"srtp_mode": "not_supported", "anchor": "no"},
    }, routes={"to": {"pattern": r"^\+49", "trunks": "pbx1"},
               "past": {"pattern": r"^\+43", "trunks": "gw3"}}, media=True)
    gw1, pbx1, gw2, gw3 = trunks.gw1, trunks.pbx1, trunks.gw2, trunks.gw3

    sent = trunks.call("gw1", "+4930", sdp=sdp(30000))
    got = pbx1.expect("INVITE")
    offered = keys(got.body)
    t.equal([line.split()[1] for line in offered],
            ["AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"], "its suites, in its order")
    t.like(got.body, r"^s=session\r\n(.*\r\n)*b=CT:1000\r\nt=0 0\r\n(.*\r\n)*a=label:Audio\r\n",
           "its dialect")
    tag = offered[0].split()[0]
    pbx1.reply(got, 180, "Ringing")
    t.equal(gw1.expect("1xx").first if gw1.expect(100) else "", "SIP/2.0 180 Ringing", "180 without SDP")
    pbx1.reply(got, 180, "Ringing", sdp=secure(32000, tag, "AES_CM_128_HMAC_SHA1_32"))
    early = gw1.expect("1xx")
    t.equal((early.first, "m=audio" in early.body), ("SIP/2.0 183 Session Progress", True), "180 with SDP")
    pbx1.reply(got, 200, "OK", sdp=secure(32000, tag, "AES_CM_128_HMAC_SHA1_32"))
    final = gw1.expect("2xx")
    t.like(final.body, r"m=audio \d+ RTP/AVP ", "a suite that is not the default is agreed on")
    gw1.ack(sent, final)
    pbx1.expect("ACK")

    # the profile changes; the call goes on as it was admitted
    trunks.redis.command("HSET", "med:1:profile:trunk:pbx1", "srtp_suites", "AEAD_AES_256_GCM",
                         "sdp_dialect", "plain")
    trunks.call("gw1", "+4931", sdp=sdp(30010))
    new = pbx1.expect("INVITE")
    for _ in range(50):
        if keys(new.body) and "AEAD" in keys(new.body)[0]:
            break
        pbx1.reply(new, 486, "Busy Here")
        gw1.expect("4xx")
        trunks.call("gw1", "+4931", sdp=sdp(30010))
        new = pbx1.expect("INVITE")
    t.equal([line.split()[1] for line in keys(new.body)], ["AEAD_AES_256_GCM"], "a new call: as it is now")
    t.unlike(new.body, r"a=label|b=CT", "in plain SDP")
    pbx1.reply(new, 486, "Busy Here")
    gw1.expect("4xx")

    again = gw1.reinvite(sent, final, sdp(30000))
    offer = pbx1.expect("INVITE")
    t.like(offer.body, r"a=label:Audio", "a re-INVITE of the old one: the dialect it began with")
    t.equal(keys(offer.body)[0], offered[0], "and its suites")
    pbx1.reply(offer, 200, "OK", sdp=secure(32000, tag, "AES_CM_128_HMAC_SHA1_32"))
    t.like(gw1.expect("2xx").body, r"m=audio \d+ RTP/AVP ", "answered as before")
    gw1.ack(again, final)
    pbx1.expect("ACK")

    held = gw1.reinvite(sent, final, sdp(30000).replace("sendrecv", "sendonly"), cseq=3)
    offer = pbx1.expect("INVITE")
    t.like(offer.body, r"a=inactive\r", "held by sendonly, it reads inactive")
    pbx1.reply(offer, 200, "OK", sdp=secure(32000, tag, "AES_CM_128_HMAC_SHA1_32").replace(
        "sendrecv", "inactive"))
    t.like(gw1.expect("2xx").body, r"a=inactive\r", "and says so")
    gw1.ack(held, final)
    pbx1.expect("ACK")

    callee = Turned(got, final)
    back = pbx1.reinvite(callee, callee, secure(32002, 4, "AES_CM_128_HMAC_SHA1_32"), cseq=101)
    gw1.reply(gw1.expect("INVITE"), 200, "OK", sdp=sdp(30002))
    answer = pbx1.expect("2xx")
    t.equal((keys(answer.body), "a=label:Audio" in answer.body),
            (["4 AES_CM_128_HMAC_SHA1_32"], True), "a re-INVITE from its side likewise")
    pbx1.ack(back, callee)
    gw1.expect("ACK")
    gw1.bye(sent, final, cseq=4)
    pbx1.reply(pbx1.expect("BYE"), 200, "OK")
    t.ok(gw1.expect("2xx"), "and it ends")

    trunks.call("gw2", "+4366", sdp=sdp(30020))
    got = gw3.expect("INVITE")
    gw3.reply(got, 180, "Ringing", sdp=sdp(32020))
    t.ok(gw2.expect(183), "180 with SDP of a call whose media passes us by")
    gw3.reply(got, 486, "Busy Here")
    gw2.expect("4xx")
