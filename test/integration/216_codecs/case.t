#!/usr/bin/python3
"""Codecs, comfort noise and telephone-event of each leg, in SDP.

A row: what the caller offers, the legs' words, what the other leg is offered, what it
answers, what the caller reads.
"""

import re

from case import Case
from listener import Caller, Listener, learned
from rtpengine import Rtpengine

A, B = "pbx1/not_supported", "gw1/not_supported"
NAMES = {"PCMU": "0", "PCMA": "8", "G722": "9", "CN": "13", "G729": "18"}
MAPS = {"event": "telephone-event/8000", "opus": "opus/48000/2"}

ROWS = [
    # as they come
    ("PCMU PCMA G729 event=101", "", "", "PCMU PCMA G729 event=101", "PCMA event=101", "PCMA event=101"),
    # those of a leg, in its order
    ("PCMU PCMA G729 event=101", "", "/codecs:G729+PCMA", "G729 PCMA event=101", "G729 event=101",
     "G729 event=101"),
    ("PCMU G722 PCMA CN", "/codecs:PCMA+PCMU", "", "PCMU PCMA CN", "PCMU CN", "PCMU CN"),
    ("PCMU G722 PCMA", "/codecs:PCMA+G722", "/codecs:G722+PCMU+PCMA", "G722 PCMA", "PCMA", "PCMA"),
    # made where the other side has none
    ("PCMU event=101", "", "/codecs:PCMA/transcode", "PCMA event=101", "PCMA event=101",
     "PCMU event=101"),
    ("PCMU G729 event=101", "", "/codecs:PCMA+PCMU/transcode", "PCMA PCMU event=101",
     "PCMU event=101", "PCMU event=101"),
    ("PCMA", "", "/codecs:G722+PCMU/transcode", "G722 PCMU", "G722", "PCMA"),
    ("G722", "/codecs:G722/transcode", "", "G722 PCMU PCMA", "PCMU", "G722"),
    # comfort noise
    ("PCMA CN event=101", "", "/cn:no", "PCMA event=101", "PCMA event=101", "PCMA event=101"),
    ("PCMA CN event=101", "/cn:no", "", "PCMA event=101", "PCMA event=101", "PCMA event=101"),
    ("PCMA event=101", "", "/cn:yes", "PCMA CN event=101", "PCMA CN event=101", "PCMA event=101"),
    ("PCMA CN", "", "/cn:yes", "PCMA CN", "PCMA CN", "PCMA CN"),
    # telephone-event where a leg wants it
    ("PCMA event=96", "", "/event:101", "PCMA event=101", "PCMA event=101", "PCMA event=96"),
    ("PCMA PCMU CN event=97", "", "/event:97", "PCMA PCMU CN event=97", "PCMA event=97",
     "PCMA event=97"),
    ("PCMU CN event=100", "", "/event:97", "PCMU CN event=97", "PCMU event=97", "PCMU event=100"),
    ("PCMU event=127", "", "/event:96/codecs:PCMA+PCMU/transcode", "PCMA PCMU event=96",
     "PCMA event=96", "PCMU event=127"),
    ("PCMA", "", "/event:101", "PCMA", "PCMA", "PCMA"),
    # digits as tones
    ("PCMA event=101", "", "/dtmf:inband", "PCMA", "PCMA", "PCMA event=101"),
    ("PCMA event=101", "/dtmf:inband", "", "PCMA", "PCMA", "PCMA"),
]
REFUSED = [
    ("PCMU", "", "/codecs:PCMA", "leg 'gw1' (not_supported), offer: m-line 1: none of the codecs "
     "offered is one of the leg's (PCMA); add one, or transcode yes"),
    ("G729 event=101", "/codecs:PCMA+PCMU", "", "leg 'pbx1' (not_supported), offer: m-line 1: none "
     "of the codecs offered is one of the leg's (PCMA, PCMU); offer one of those"),
    ("PCMU opus=101 event=96", "", "/event:101", "telephone-event cannot be mapped to payload type "
     "101: it is that of another format; offer it as another one"),
]


def body(port, formats):
    """An SDP of these: "PCMA opus=97 event=101"."""
    payloads, maps = [], ""
    for word in formats.split():
        name, _, payload = word.partition("=")
        payloads.append(payload or NAMES[name])
        if payload:
            maps += f"a=rtpmap:{payload} {MAPS[name]}\r\n"
            maps += f"a=fmtp:{payload} 0-16\r\n" if name == "event" else ""
        else:
            maps += f"a=rtpmap:{NAMES[name]} {name}/8000\r\n"
    return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {' '.join(payloads)}\r\n{maps}"
            "a=sendrecv\r\n")


def read(text):
    """The same words, from an SDP."""
    names = {payload: name for name, payload in NAMES.items()}
    maps = dict(re.findall(r"^a=rtpmap:(\d+) ([A-Za-z0-9/-]+)\r", text, re.M))
    words = []
    for payload in re.search(r"^m=audio \d+ RTP/AVP ([\d ]+)\r", text, re.M)[1].split():
        short = [name for name, codec in MAPS.items() if codec == maps.get(payload)]
        words.append(f"{short[0]}={payload}" if short else names.get(payload, payload))
    return " ".join(words)


with Case(plan=len(ROWS) + len(REFUSED) + 1) as t:
    rtpengine = Rtpengine(t)
    port = Listener(t, [rtpengine.port]).port
    learned(port)
    for number, (offered, a, b, gets, answered, returned) in enumerate(ROWS):
        call = Caller(port, f"codecs-{number}")
        there, back = (A + a, B + b), (B + b, A + a)
        call.offer(there, body(4000, offered))
        got = [read(call.last.get("sdp", "m=audio 0 RTP/AVP 1\r")), call.last.get("error-reason")]
        call.answer(back, body(4002, answered))
        got.append(read(call.last.get("sdp", "m=audio 0 RTP/AVP 1\r")))
        t.equal(got, [gets, None, returned], f"{offered}{a} to {b or 'any'}: {gets}; {returned} back")
        call.send("delete", delete_delay=0)
    for number, (offered, a, b, why) in enumerate(REFUSED):
        call = Caller(port, f"refused-{number}")
        call.offer((A + a, B + b), body(4000, offered))
        t.like(call.last.get("error-reason", ""), re.escape(why), f"{offered}{a} to {b or 'any'}: refused")
    t.equal(rtpengine.calls(), [], "nothing is left")
