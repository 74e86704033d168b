#!/usr/bin/python3
"""Hold in every form, in and out; calls that begin on hold; SRTP goes on behind it.

A row: what the holder offers, how the other leg wants to read it, what it reads, what it
answers, what the holder reads.
"""

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

HELD = [
    ("sendonly", "", "sendonly", "recvonly", "recvonly"),
    ("inactive", "", "inactive", "inactive", "inactive"),
    ("zero sendrecv", "", "zero sendonly", "recvonly", "recvonly"),
    ("zero inactive", "", "zero inactive", "inactive", "inactive"),
    ("sendonly", "/hold:inactive", "inactive", "inactive", "inactive"),
    ("zero sendrecv", "/hold:inactive", "inactive", "inactive", "inactive"),
    ("inactive", "/hold:sendonly", "sendonly", "recvonly", "inactive"),
    ("zero inactive", "/hold:sendonly", "sendonly", "recvonly", "inactive"),
    ("sendonly", "/hold:zero_address", "zero sendonly", "recvonly", "recvonly"),
    ("inactive", "/hold:zero_address", "zero inactive", "inactive", "inactive"),
    ("zero sendrecv", "/hold:zero_address", "zero sendonly", "sendrecv", "recvonly"),
    # answers that the offer does not allow
    ("sendonly", "", "sendonly", "sendrecv", "recvonly"),
    ("inactive", "", "inactive", "sendrecv", "inactive"),
    ("recvonly", "", "recvonly", "sendrecv", "sendonly"),
    ("recvonly", "/hold:inactive", "recvonly", "inactive", "inactive"),
    ("sendrecv", "/hold:inactive/activate", "sendrecv", "sendrecv", "sendrecv"),
    ("sendrecv", "/hold:zero_address", "sendrecv", "sendonly", "sendonly"),
    ("sendonly", "/activate", "sendonly", "recvonly", "recvonly"),
    ("sendonly", "/hold:inactive/lync", "inactive", "inactive", "inactive"),
    ("sendonly", "/hold:zero_address/lync", "zero sendonly", "recvonly", "recvonly"),
]
BEGINNING = [
    ("inactive", "/activate", "sendrecv", "sendrecv", "inactive"),
    ("sendonly", "/activate", "sendrecv", "sendrecv", "recvonly"),
    ("zero sendrecv", "/activate", "sendrecv", "sendrecv", "recvonly"),
    ("zero inactive", "/activate/hold:inactive", "sendrecv", "sendrecv", "inactive"),
    ("inactive", "/hold:sendonly", "sendonly", "recvonly", "inactive"),
    ("inactive", "/activate/lync", "sendrecv", "recvonly", "inactive"),
]


def body(form, port, profile="RTP/AVP", lines=""):
    zero, _, direction = form.rpartition(" ")
    text = sdp(port, "0.0.0.0" if zero else "127.0.0.1", profile=profile) + lines
    return text.replace("a=sendrecv", f"a={direction}")


def form_of(text):
    """"zero sendonly", of the m-line's own address where it has one."""
    address = re.findall(r"^c=IN IP4 (\S+)\r", text, re.M)[-1]
    directions = re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)\r", text, re.M)
    return ("zero " if address == "0.0.0.0" else "") + "+".join(directions)


def check(t, port, rows, initial):
    for number, (offered, words, read, answered, returned) in enumerate(rows):
        legs = (PLAIN, "gw2/not_supported" + words)
        call = Caller(port, f"{'begins' if initial else 'held'}-{number}")
        keys = {}
        if not initial:
            call.offer(legs, body("sendrecv", 4000))
            call.answer(legs[::-1], body("sendrecv", 4002))
            keys["to_tag"] = "B"
        call.offer(legs, body(offered, 4000), **keys)
        got = [form_of(call.last["sdp"])]
        call.answer(legs[::-1], body(answered, 4002))
        got.append(form_of(call.last["sdp"]))
        t.equal(got, [read, returned],
                f"{'a call begins ' if initial else ''}{offered}{words}: reads {read}, {returned} back")
        call.send("delete", delete_delay=0)


def heard(sender, packets, receiver, read):
    """Do these packets come? What is read of the first that does; None: none in time."""
    receiver.drain()
    for packet in packets:
        sender.sock.sendto(packet, sender.to)
    try:
        return read(wait_for("a packet", receiver.got, 0.5))
    except Exception:
        return None


def crypto(key):
    return f"a=crypto:1 {SUITE} inline:{key}\r\n"


def key_of(text):
    return re.search(r"inline:([A-Za-z0-9+/]{40})", text)[1]


def plain(number):
    return b"\x80\x08" + number.to_bytes(2, "big") + bytes(4) + b"\0\0\0\x09" + AUDIO


def begins_held(t, port):
    call = Caller(port, "black-hole")
    a, b = End(t), End(t)
    legs = (PLAIN, "gw2/not_supported/activate")
    call.offer(legs, body("inactive", a.port))
    b.aim(call.last["sdp"])
    call.answer(legs[::-1], body("sendrecv", b.port))
    a.aim(call.last["sdp"])
    t.equal(heard(b, [plain(n) for n in range(1, 6)], a, bytes), None,
            "who began on hold is sent nothing, though the other side thinks it is heard")
    call.offer(legs, body("sendrecv", a.port), to_tag="B")
    call.answer(legs[::-1], body("sendrecv", b.port))
    t.equal(heard(b, [plain(n) for n in range(6, 11)], a, lambda p: p[12:]), AUDIO,
            "and hears it once it resumes")
    call.send("delete", delete_delay=0)


def across_a_wrap(t, port):
    """Held and resumed while the sequence begins anew: the roll-over count is kept."""
    call = Caller(port, "wrap")
    a, b = End(t), End(t)
    there, back = (REQUIRED, PLAIN), (PLAIN, REQUIRED)
    stream, fresh = Srtp(KEY, first=65530), range(1, 1000)

    def agree(form, answer, key=KEY, keys=None):
        call.offer(there, body(form, a.port, "RTP/SAVP", crypto(key)), **(keys or {}))
        b.aim(call.last["sdp"])
        call.answer(back, body(answer, b.port))
        a.aim(call.last["sdp"])
        return key_of(call.last["sdp"])

    made = agree("sendrecv", "sendrecv")
    t.equal(heard(a, [stream.protect(AUDIO)], b, lambda p: p[12:]), AUDIO, "SRTP: heard")
    first = heard(b, [plain(65534)], a, Srtp(made).open)
    t.equal(first, AUDIO, "both ways")
    for _ in range(8):  # past 65535
        heard(a, [stream.protect(AUDIO)], b, bytes)
    t.equal((stream.roc, heard(a, [stream.protect(AUDIO)], b, lambda p: p[12:])), (1, AUDIO),
            "across the wrap")
    t.equal(heard(b, [plain(65535), plain(0), plain(1)], a, bytes) is None, False, "both ways")
    keys = [agree("inactive", "inactive", keys={"to_tag": "B"}),
            agree("sendrecv", "sendrecv", keys={"to_tag": "B"}),
            agree("sendrecv", "sendrecv", keys={"to_tag": "B"})]
    t.equal(keys, [made] * 3, "hold, resume and the same once more: never another key of ours")
    t.equal(heard(a, [stream.protect(AUDIO)], b, lambda p: p[12:]), AUDIO,
            "what comes after the resume is read with the roll-over count as it was")
    t.equal(heard(b, [plain(2)], a, lambda p: Srtp(made).open(p, roc=1)), AUDIO,
            "and ours is written with it")
    stream = Srtp(OTHER_KEY, first=stream.sequence)
    agree("sendrecv", "sendrecv", OTHER_KEY, {"to_tag": "B"})
    t.equal(heard(a, [stream.protect(AUDIO)], b, lambda p: p[12:]), AUDIO,
            "a peer that takes another key begins to count anew")
    call.send("delete", delete_delay=0)


def another_tag(t, port):
    """Who was offered a suite under one tag has another one for it in its own offers."""
    call = Caller(port, "tags")
    a, b = End(t), End(t)
    there, back = (PLAIN, REQUIRED), (REQUIRED, PLAIN)

    def says(tag, more=""):
        return sdp(b.port, profile="RTP/SAVP") + more + crypto(KEY).replace(":1 ", f":{tag} ")

    def of_a():
        call.offer(there, sdp(a.port), **({"to_tag": "B"} if made else {}))
        offered.append(re.findall(r"a=crypto:(\d+) \S+ inline:(\S{40})", call.last["sdp"]))
        b.aim(call.last["sdp"])
        call.answer(back, says(offered[-1][0][0]))
        a.aim(call.last["sdp"])

    def of_b(tag, more=""):
        call.offer(back, says(tag, more), from_tag="B", to_tag="A")
        a.aim(call.last["sdp"])
        call.answer(there, sdp(a.port), from_tag="B", to_tag="A")
        b.aim(call.last["sdp"])
        return re.findall(r"a=crypto:(\d+) \S+ inline:(\S{40})", call.last["sdp"])

    made, offered = None, []
    of_a()
    made = offered[0][0][1]
    for number in range(65533, 65536):
        heard(a, [plain(number)], b, bytes)
    t.equal(heard(a, [plain(0)], b, lambda p: Srtp(made).open(p, roc=1)), AUDIO, "offered as 1, and past a wrap")
    t.equal(of_b(3), [("3", made)], "offered back as 3: answered as 3 under the key as it was")
    other = crypto(OTHER_KEY).replace("_80", "_32")
    t.equal(of_b(2, other), [("2", made)], "as 2 behind another suite: likewise")
    of_a()
    t.equal([key for _, key in offered[-1]], [made], "and offered under that key again")
    t.equal(heard(a, [plain(1)], b, lambda p: Srtp(made).open(p, roc=1)), AUDIO, "the roll-over count is kept")
    call.send("delete", delete_delay=0)


with Case(plan=len(HELD) + len(BEGINNING) + 2 + 8 + 5 + 1) as t:
    rtpengine = Rtpengine(t, plugin=True)
    learned(rtpengine.listener)
    check(t, rtpengine.listener, HELD, False)
    check(t, rtpengine.listener, BEGINNING, True)
    begins_held(t, rtpengine.listener)
    across_a_wrap(t, rtpengine.listener)
    another_tag(t, rtpengine.listener)
    t.equal(rtpengine.calls(), [], "nothing is left")
