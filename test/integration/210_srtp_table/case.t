#!/usr/bin/python3
"""Golden pairs of offer and answer for each row of the SRTP tables, through rtpengine itself.

The pairs are in the file `pairs` beside this one, in the order of the tables.
"""

import os
import re

from case import Case
from listener import Caller, learned
from rtpengine import Rtpengine

FINGERPRINT = ":".join(["5A"] * 32)
KEYS = {"A": "A" * 40, "B": "B" * 40, "C": "C" * 40, "L": "L" * 62, "M": "M" * 62, "G": "G" * 59,
        "F": f"a=fingerprint:sha-256 {FINGERPRINT}"}
HEAD = "v=0\no=x 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\n{}t=0 0\n"
SHOWN = ("m=", "a=crypto:", "a=tcap:", "a=pcfg:", "a=acfg:", "a=fingerprint:", "a=setup:", "a=tls-id",
         "a=rtcp-mux", "a=ice-", "a=candidate:")
TLS_ID = r"a=tls-id:[0-9a-f]{32}$"  # rtpengine 12's own
OURS = (  # what rtpengine makes anew each time
    (r"^(m=\w+ )[1-9]\d*", r"\1*"), (r"^a=rtcp:\d+", "a=rtcp:*"),
    (rf"^a=fingerprint:sha-256 (?!{FINGERPRINT})\S+", "a=fingerprint:<ours>"),
    (r"^(a=ice-(?:ufrag|pwd)):\S+", r"\1:*"),
    (r"^a=candidate:\S+ (\d) UDP \d+ 127\.0\.0\.2 \d+ typ host", r"a=candidate:<ours> \1"))
BLOCKS = ("offered", "sent", "answered", "returned")


class Pair:
    def __init__(self, title, default=None):
        self.title, self.refused, self.whole = title, None, set()
        self.blocks = dict(default.blocks) if default else {}

    def written(self, name):
        """A block as a peer writes it."""
        lines = [line.format(**KEYS) for line in self.blocks[name]]
        session = "".join(line + "\n" for line in lines if line.startswith("b="))
        media = "".join(line + "\n" for line in lines if not line.startswith("b="))
        return (HEAD.format(session) + media).replace("\n", "\r\n")

    def read(self, name, sdp):
        """What a peer reads, in the words of the block."""
        lines = [line for line in sdp.split("\r\n") if line and not re.match(TLS_ID, line)]
        for pattern, shown in OURS:
            lines = [re.sub(pattern, shown, line) for line in lines]
        if name not in self.whole:
            lines = [line for line in lines if line.startswith(SHOWN)]
        return [_keys_named(line) for line in lines]


def _keys_named(line):
    def name(match):
        return next(("{%s}" % n for n, key in KEYS.items() if key == match[1]), "<key>")

    return re.sub(r"(?<=inline:)([A-Za-z0-9+/]+)", name, line)


def read_pairs():
    default, pairs, block = None, [], None
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "pairs"),
              encoding="utf-8") as file:
        for line in file:
            word, _, rest = line.strip().partition(" ")
            if line.startswith("  "):
                block.append(line.strip())
            elif word in ("default", "pair"):
                pairs.append(Pair(rest, default))
                default = default or pairs.pop()
            elif word == "from":
                pairs[-1].legs = tuple(rest.split(" to "))
            elif word == "refused":
                pairs[-1].refused = re.escape(rest)
            elif word in BLOCKS:
                pair = pairs[-1] if pairs else default
                block = pair.blocks[word] = []
                if rest == "whole":
                    pair.whole.add(word)
    return pairs


def check(t, port, number, pair):
    call = Caller(port, f"pair-{number}")
    got = {}
    call.offer(pair.legs, pair.written("offered"), rtcp_mux=["demux"])  # as the module has it
    if call.last["result"] == "ok":
        got["sent"] = pair.read("sent", call.last["sdp"])
        call.answer(pair.legs[::-1], pair.written("answered"))
        if call.last["result"] == "ok":
            got["returned"] = pair.read("returned", call.last["sdp"])
    if pair.refused:
        found = call.last.get("error-reason", str(got))
        t.ok(re.search(pair.refused, found) and got.get("sent", pair.blocks["sent"])
             == pair.blocks["sent"], f"{pair.title}: refused") or t.diag(f"{found}; {got}")
    else:
        t.equal(got, {"sent": pair.blocks["sent"], "returned": pair.blocks["returned"]}
                if got else call.last, pair.title)
    call.send("delete", delete_delay=0)


pairs = read_pairs()
with Case(plan=len(pairs) + 1) as t:
    rtpengine = Rtpengine(t, plugin=True)
    learned(rtpengine.listener)
    for number, pair in enumerate(pairs):
        check(t, rtpengine.listener, number, pair)
    t.equal(rtpengine.calls(), [], "nothing is left")
