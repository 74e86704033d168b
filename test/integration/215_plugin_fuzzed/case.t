#!/usr/bin/python3
"""The policy listener, sanitised, while its port and its node's replies are fuzzed.

Commands are whole ones with bytes, lengths, keys or lines of SDP changed, cut, doubled or
swapped; rtpengine's replies are changed likewise, come twice, late or for another call. It
must go on answering, forget what it made, and no sanitizer may find anything. SEED=<n> runs
a run again; `make soak` runs it longer.
"""

import contextlib
import os
import random
import socket
import time

import ng
from case import Case, soak_seconds
from listener import KEY, SANITISED, FakeNode, Listener, hello, learned
from sandbox import wait_for
from sip import sdp

LEGS = ["gw1/not_supported", "itsp1/optional", "pbx1/required", "-/any",
        "pbx2/required/suites:80+32+gcm-256", "lync1/optional/lync/hold:inactive/activate",
        "gw2/not_supported/hold:zero_address", "x/required/suites:",
        "gw3/not_supported/codecs:PCMA+G722/transcode/event:101/ptime:30/cn:no",
        "gw4/optional/codecs:G729+PCMU/dtmf:inband/latching:always/dscp:46",
        "gw5/not_supported/latching:off/interface:pstn/cn:yes"]
PLAIN = ["a/not_supported", "b/not_supported/hold:inactive", "c/not_supported/codecs:PCMA",
         "-/any", "d/not_supported/latching:always/dscp:46/ptime:20"]
LINES = ["a=inactive", "a=sendonly", "c=IN IP4 0.0.0.0", "m=audio 1 RTP/SAVP 8", "m=image 2 udptl t38",
         "a=tcap:1 RTP/SAVP", "a=pcfg:1 t=1", f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
         f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31|1:1", "a=crypto:", "a=rtcp:9",
         "m=audio 0 RTP/AVP 0", "m=", "a=", "k=clear:x", "v=0", "", "a=label:1", "b=CT:1"]
CALLS = [f"c{n}" for n in range(40)]


def body(draw):
    text = sdp(draw.randrange(1, 65536), profile=draw.choice(["RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVP"]),
               key=draw.choice([None, KEY, KEY[:7]])).split("\r\n")
    for _ in range(draw.choice([0, 0, 1, 3, 40])):
        text.insert(draw.randrange(len(text)), draw.choice(LINES))
    return draw.choice(["\r\n", "\r\n", "\n", "\r"]).join(text)


def command(draw):
    word = draw.choice(["offer", "offer", "answer", "answer", "delete", "query", "query", "ping", "nonsense"])
    keys = {"command": word, "call-id": draw.choice(CALLS), "from-tag": draw.choice("AB"),
            "med-from": draw.choice(LEGS), "med-to": draw.choice(LEGS), "sdp": body(draw)}
    if word == "answer" or draw.random() < 0.3:
        keys["to-tag"] = draw.choice("AB")
    if draw.random() < 0.5:
        keys["via-branch"] = draw.choice(["z1", "z2", "z3", "z" * 600])
    if word == "delete" or draw.random() < 0.1:
        for key in ("med-from", "med-to", "sdp"):
            keys.pop(key)
    if word == "query" and draw.random() < 0.7:
        keys["med-rollback"] = "1"
    if draw.random() < 0.1:
        keys[draw.choice(["flags", "SDES", "replace", "supports", "med-hello"])] = draw.choice(
            [["load limit"], {"a": ["b"]}, 7, "x"])
    return ng.encode(keys)


class Refused:
    """A call that is up, and whose next offer is refused: its commands, one at a time."""

    def __init__(self, draw, number):
        self.draw, self.call_id = draw, f"r{number}"
        self.legs, self.steps = draw.sample(PLAIN, 2), ["offer", "answer", "offer", "query"]

    def next(self):
        word = self.steps.pop(0)
        legs = self.legs[::-1] if word == "answer" else self.legs
        keys = {"command": word, "call-id": self.call_id, "from-tag": "A",
                "med-from": legs[0], "med-to": legs[1], "sdp": sdp(self.draw.randrange(1024, 65536))}
        if word == "query":
            keys = {"command": word, "call-id": self.call_id, "from-tag": "A", "med-rollback": "1"}
        if len(self.steps) < 3 and self.draw.random() < 0.95:
            keys["to-tag"] = "B"
        return ng.encode(keys)


def spoilt(draw, data):
    data = bytearray(data)
    for _ in range(draw.choice([0, 0, 1, 1, 2, 8])):
        at = draw.randrange(len(data) + 1)
        how = draw.randrange(5)
        if how == 0:
            data[at:at] = bytes([draw.randrange(256)])
        elif how == 1:
            del data[at:at + draw.choice([1, 1, 10, 1000])]
        elif how == 2:
            data[at:at + 1] = draw.choice([b"0", b"9", b"d", b"l", b"i", b"e", b":", b"\0", b"\r"])
        elif how == 3:
            data[at:at] = data[at:at + draw.randrange(200)]
        else:
            data[at:at] = draw.choice([b"l" * 300, b"d" * 300, b"99999999999:", b"i-0e", b"1:"])
    return bytes(data)


def call_of(what, cookie, offers):
    """The call that a command at the node is of; its offers are noted, each once."""
    try:
        command = ng.decode(what)
    except Exception:  # what is passed on need not be bencode
        return ""
    call_id = str(command.get("call-id", ""))
    if command.get("command") == "offer":
        offers.setdefault(call_id, set()).add(cookie)
    return call_id


def answer_as_rtpengine(draw, node, old, offers):
    """What has come to the node: answered, or not, or with something else."""
    while not node.inbox.empty():
        what, to = node.inbox.get()
        if call_of(what, to[0], offers).startswith("r") and draw.random() < 0.9:
            node.reply(to, ng.encode({"result": "ok", "sdp": sdp(draw.randrange(1024, 65536))}))
            continue
        old.append(to)
        del old[:-50]
        for _ in range(draw.choice([0, 1, 1, 1, 1, 2])):
            reply = draw.choice([
                {"result": "ok", "sdp": body(draw)}, {"result": "ok"},
                {"result": "error", "error-reason": draw.choice(["Ran out of ports", "x" * 3000])},
                {"result": "load limit"}, {"sdp": body(draw), "result": "ok", "tags": {"a": {}}}])
            node.reply(draw.choice([to, to, draw.choice(old)]), spoilt(draw, ng.encode(reply)))


with Case(plan=5) as t:
    seed = int(os.environ.get("SEED", random.randrange(1 << 31)))
    t.note(f"SEED={seed}")
    draw = random.Random(seed)
    node, old = FakeNode(t), []
    os.environ["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0"
    listener = Listener(t, [node.port], "fuzzed", SANITISED, deadline_ms=50, max_calls=16,
                        replay_ms=1000, log_level="error")
    learned(listener.port)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", listener.port))
    sock.setblocking(False)
    def tell(data):
        with contextlib.suppress(OSError):
            sock.send(data)

    sent = heard = 0
    refused, offers = [], {}
    deadline = time.monotonic() + soak_seconds(10)
    while time.monotonic() < deadline and listener.process.running():
        for _ in range(20):
            cookie = draw.choice([b"%d_1" % draw.randrange(1 << 30), b"again"])
            tell(draw.choice([cookie + b" ", cookie + b" ", b"", b" "]) + spoilt(draw, command(draw)))
            sent += 1
        refused = [call for call in refused if call.steps] + [Refused(draw, sent)]
        for call in refused:
            data = call.next()
            tell(b"%d_2 " % draw.randrange(1 << 30) + (spoilt(draw, data) if draw.random() < 0.1 else data))
            answer_as_rtpengine(draw, node, old, offers)
        while True:
            try:
                sock.recv(65535)
                heard += 1
            except OSError:
                break
    rolled = sum(call_id.startswith("r") and len(cookies) > 2 for call_id, cookies in offers.items())
    t.note(f"{sent} commands sent, {heard} answers heard, {rolled} calls rolled back")
    t.ok(rolled > 10, "what was agreed on was said again where an offer was refused")
    t.ok(sent > 500 and heard > 100, "it was asked, and it answered")
    t.ok(listener.process.running()
         and wait_for("a hello", lambda: hello(listener.port).get("result") == "pong"),
         "it runs, and answers its hello")
    listener.process.stop()
    t.unlike(listener.process.text(), r"Sanitizer|runtime error", "no sanitizer found anything")
    t.equal(listener.process.popen.returncode, 0, "and it ends well, nothing leaked")
