#!/usr/bin/python3
"""What was agreed on is what packets look like: MKI accepted in all lengths, never made up."""

import re

from case import Case
from listener import KEY, OTHER_KEY, PLAIN, REQUIRED, Caller, learned
from rtp import End
from rtpengine import Rtpengine
from sandbox import wait_for
from sip import sdp
from srtp import Srtp

SUITE = "AES_CM_128_HMAC_SHA1_80"
AUDIO = bytes(range(160))


def crypto(tag, key, more=""):
    return f"a=crypto:{tag} {SUITE} inline:{key}{more}\r\n"


def offer(port, lines):
    return sdp(port, profile="RTP/SAVP") + lines


def sent(sender, stream, receiver, read):
    """Until a packet of the sender's has come: what is read of it."""
    while receiver.got():
        pass  # of the call before

    def arrives():
        sender.sock.sendto(stream.protect(AUDIO), sender.to)
        packet = receiver.got()
        return packet and (read(packet) or b"unreadable")

    return wait_for("a packet", arrives)


def plain(packet):
    return packet[12:]


with Case(plan=13) as t:
    rtpengine = Rtpengine(t, plugin=True)
    learned(rtpengine.listener)
    a, b = End(t), End(t)

    for number, size in ((1, 1), (300, 2), (543245432, 4), (7, 128)):
        call = Caller(rtpengine.listener, f"mki-{size}")
        mki = number.to_bytes(size, "big")
        call.offer((REQUIRED, PLAIN), offer(a.port, crypto(1, KEY, f"|2^31|{number}:{size}")))
        b.aim(call.last["sdp"])
        call.answer((PLAIN, REQUIRED), sdp(b.port))
        a.aim(call.last["sdp"])
        made = re.search(r"inline:(\S+)", call.last["sdp"])[1]
        t.equal(sent(a, Srtp(KEY, mki=mki), b, plain), AUDIO, f"MKI of {size} bytes: heard in the clear")
        b.sock.sendto(b"\x80\x08\x00\x01" + bytes(4) + b"\x00\x00\x00\x09" + AUDIO, b.to)
        packet = wait_for("a packet to the offerer", a.got)
        t.equal(("|" in made, Srtp(made).open(packet)), (False, AUDIO),
                f"MKI of {size} bytes: ours has none, in the SDP and in packets")
        call.send("delete", delete_delay=0)

    call = Caller(rtpengine.listener, "two-lines")
    call.offer((REQUIRED, PLAIN), offer(a.port, crypto(1, KEY, "|2^31|1:1") + crypto(2, KEY, "|2^31")))
    call.answer((PLAIN, REQUIRED), sdp(b.port))
    a.aim(call.last["sdp"])
    t.like(call.last["sdp"], r"a=crypto:2 ", "of two lines the one without MKI")
    t.equal(sent(a, Srtp(KEY), b, plain), AUDIO, "whose packets are heard")
    call.send("delete", delete_delay=0)

    call = Caller(rtpengine.listener, "passed-on")
    call.offer((REQUIRED, "pbx2/required"), offer(a.port, crypto(1, KEY, "|2^31|543245432:4")))
    t.like(call.last["sdp"], r"inline:A{40}\|543245432:4\r", "SRTP to SRTP: an MKI goes on with its key")
    call.answer(("pbx2/required", REQUIRED), offer(b.port, crypto(1, OTHER_KEY)))
    a.aim(call.last["sdp"])
    mki = (543245432).to_bytes(4, "big")
    t.equal(sent(a, Srtp(KEY, mki=mki), b, Srtp(KEY, mki=mki).open), AUDIO,
            "and is in the packets that come out")
    t.unlike(call.last["sdp"], r"\|", "what the other side answers has none, nor do its packets")
    call.send("delete", delete_delay=0)
