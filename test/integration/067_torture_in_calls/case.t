#!/usr/bin/python3
"""Broken SDP, answers and requests within calls, from both sides, by rtpengine and the plugin:
nobody dies, nothing leaks, no call of another trunk is hurt."""

import os
import random
import re
import socket
import threading
import time

from case import Case
from sandbox import TOP, wait_for
from sip import sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "trying_timeout_ms": "500", "progress_timeout_ms": "1000"}
ROUNDS, CALLS, SEED = 2, 240, int(os.environ.get("SEED", "4566"))
LINES = (b"m=audio 0 RTP/AVP 0", b"m=audio 65536 RTP/AVP 8", b"m=audio 30000/9999 RTP/AVP 8",
         b"m=image 30000 udptl t38", b"m=audio 30000 RTP/AVP " + b"8 " * 2000, b"c=IN IP4 0.0.0.0",
         b"c=IN IP6 ::1", b"c=IN IP4 999.1.1.1", b"c=IN", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:",
         b"a=crypto:99999999999 X inline:" + b"A" * 3000, b"a=sendrecv\r\na=inactive\r\na=sendonly",
         b"a=rtcp:0", b"a=rtcp-mux", b"a=ice-ufrag:x\r\na=ice-pwd:" + b"y" * 300, b"a=" + b"z" * 9000,
         b"a=pcfg:1 t=1\r\na=tcap:1 RTP/SAVP", b"m=", b"=", b"\0\0\0", b"v=1", b"o=- 1 1 IN IP4 x\r\no=2",
         b"m=audio 30002 RTP/SAVP 8\r\na=setup:actpass\r\na=fingerprint:sha-256 00")


def broken_sdp(rng, body):
    """SDP with one thing wrong with it."""
    data = bytearray(body)
    way = rng.randrange(6)
    if way == 0:
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif way == 1:
        del data[rng.randrange(len(data)):]
    elif way == 2:
        lines = body.split(b"\r\n")
        rng.shuffle(lines)
        data = b"\r\n".join(lines)
    elif way == 3:
        data = body.replace(b"\r\n", rng.choice((b"\n", b"\r", b"\r\n\r\n")))
    elif way == 4:
        data = body * rng.randrange(2, 30)
    else:
        lines = body.split(b"\r\n")
        lines.insert(rng.randrange(len(lines)), rng.choice(LINES))
        data = b"\r\n".join(lines)
    return bytes(data)


def broken(rng, text):
    """A message with some bytes changed, cut out or put in."""
    data = bytearray(text.encode())
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data))
        way = rng.randrange(4)
        if way == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            del data[at:at + rng.randrange(1, 40)]
        elif way == 2:
            data[at:at] = rng.choice((b"\0", b"\r\n", b"\r\n ", b",", b";", b"<", b'"', b"x" * 3000))
        else:
            end = data.find(b"\r\n", at)
            data[at:end if end > 0 else at] = b""
    return bytes(data[:60000])


class Talker:
    """One UDP socket; what comes is kept by Call-ID. Talkers of a call share `news`."""

    def __init__(self, port, news, answer):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", port))
        self.port, self.got, self.news, self.answer = port, {}, news, answer
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            data, peer = self.sock.recvfrom(65535)
            text = data.decode(errors="replace")
            call = re.search(r"(?im)^(?:Call-ID|i)[ \t]*:\s*(\S+)", text)
            self.send(self.answer(text), peer)
            with self.news:
                self.got.setdefault(call[1] if call else "", []).append(text)
                self.news.notify_all()

    def has(self, call_id, start):
        """The first message of a call that begins so."""
        return next((m for m in self.got.get(call_id, ()) if re.match(start, m)), None)

    def first(self, call_id, start, within=1.0):
        """The same, when it has come; None: not within this time."""
        with self.news:
            return self.news.wait_for(lambda: self.has(call_id, start), within)

    def send(self, data, to):
        try:
            self.sock.sendto(data if isinstance(data, bytes) else data.encode(), to)
        except OSError:  # longer than a datagram, or nothing
            pass


def with_body(head, body):
    """The header lines, and a body of this length."""
    return (head + "Content-Type: application/sdp\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


with Case(plan=9) as t:
    t.note(f"seed {SEED}")
    # What nobody answers, and what is over, is to end while we wait.
    config = t.write("short.cfg", f'include_file "{TOP}/kamailio-cfg/kamailio.cfg"\n'
                     'modparam("tm", "fr_timer", 2000)\nmodparam("tm", "wt_timer", 1000)\n')
    trunks = Trunks(t, {"evil": PLAIN, "sink": {**PLAIN, "forward_call_history": "yes"},
                        "pbx2": PLAIN, "gw2": PLAIN}, media=True, config=config,
                    without=("evil", "sink"),
                    routes={"bad": {"pattern": r"^\+49\d+$", "trunks": "sink"},
                            "well": {"pattern": r"^\+33\d+$", "trunks": "gw2"}})
    here, there = trunks.address("evil"), trunks.address("sink")
    news = threading.Condition()
    evil, sink = (Talker(trunks.far[name], news, lambda text: within_call(text))
                  for name in ("evil", "sink"))

    def pids():
        return re.findall(r"PID: (\d+)", trunks.kamailio.rpc("core.psx"))

    def used():
        """Shared memory in use, and the most private memory in use of any process."""
        shared = int(re.search(r"real_used: (\d+)", trunks.kamailio.rpc("core.shmmem"))[1])
        private = max(int(n) for n in re.findall(r"real_used: (\d+)",
                                                 trunks.kamailio.rpc("pkg.stats")))
        return shared, private

    def well():
        """A call of another trunk, with media, from INVITE to BYE."""
        sent, got, final = trunks.answered("pbx2", "gw2", "+33123", sdp(30000), sdp(31000))
        trunks.pbx2.bye(sent, final)
        trunks.gw2.reply(trunks.gw2.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
        trunks.pbx2.expect(200, call_id=sent.get("Call-ID"))

    def request(method, call_id, uri, routes=(), to_tag="", cseq=1):
        return (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{evil.port};rport;"
                f"branch=z9hG4bK{call_id}{method}{cseq}\r\nMax-Forwards: 70\r\n"
                + "".join(f"Route: {r}\r\n" for r in routes) +
                f"From: \"E\" <sip:5512@evil.example;user=phone>;tag=f\r\nTo: <sip:+49301@x.example>"
                f"{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
                f"Contact: <sip:e@127.0.0.1:{evil.port}>\r\n"
                "Diversion: <sip:5599@evil.example>;reason=unconditional\r\n")

    def reply(asked, line, head=""):
        """To a request as it came."""
        kept = re.findall(r"(?im)^(?:(?:via|record-route|from|call-id|cseq):[^\n]*\n)", asked)
        to = re.search(r"(?im)^(to:[^\r\n]*)|$", asked)[0] or "To: <sip:s@x.example>"
        return (f"SIP/2.0 {line}\r\n{''.join(kept)}{to}{'' if ';tag=' in to else ';tag=s'}\r\n"
                f"Contact: <sip:s@127.0.0.1:{sink.port}>\r\n{head}")

    def within_call(text):
        """Either end's answer to whatever is no new call: yes."""
        if text.startswith(("SIP/2.0", "ACK")) or "\nCSeq: 1 INVITE" in text:
            return b""
        return reply(text, "200 OK", "Content-Length: 0\r\n\r\n")

    def place(rng, call_id):
        """One call, broken somewhere; then what ends it, in order."""
        uri, body, way = f"sip:+49301@127.0.0.1:{here[1]}", sdp(30000).encode(), rng.randrange(4)
        offer = broken_sdp(rng, body) if way == 0 else body
        invite = with_body(request("INVITE", call_id, uri), offer)
        evil.send(invite, here)
        with news:
            news.wait_for(lambda: sink.has(call_id, "INVITE")
                          or evil.has(call_id, r"SIP/2\.0 [3-6]"), 1.0)
        asked = sink.has(call_id, "INVITE")
        if way == 1 and asked:
            line = rng.choice(("180 Ringing", "183 Session Progress", "200 OK"))
            sink.send(with_body(reply(asked, line), broken_sdp(rng, sdp(31000).encode())), there)
            evil.first(call_id, f"SIP/2.0 {line[:3]}", 0.05)
        if way == 2 and asked:
            for _ in range(3):
                sink.send(broken(rng, with_body(reply(asked, "183 Session Progress"),
                                                sdp(31000).encode()).decode()), there)
        if not asked:
            return
        if way != 3:
            sink.send(reply(asked, "486 Busy Here", "Content-Length: 0\r\n\r\n"), there)
            return
        sink.send(with_body(reply(asked, "200 OK"), sdp(31000).encode()), there)
        answer = evil.first(call_id, "SIP/2.0 200")
        if not answer:
            return
        routes = re.findall(r"(?im)^record-route:\s*([^\r\n]*)", answer)[::-1]
        target = f"sip:s@127.0.0.1:{sink.port}"
        evil.send(request("ACK", call_id, target, routes, ";tag=s") + "Content-Length: 0\r\n\r\n", here)
        for number in range(3):
            method = rng.choice(("INVITE", "UPDATE", "INFO", "BYE", "ACK", "CANCEL", "PRACK"))
            whole = with_body(request(method, call_id, target, routes, ";tag=s", 2 + number),
                              broken_sdp(rng, body) if rng.randrange(2) else body)
            evil.send(broken(rng, whole.decode(errors="replace")) if rng.randrange(2) else whole, here)
            sink.first(call_id, method, 0.02)
        evil.send(request("BYE", call_id, target, routes, ";tag=s", 9) + "Content-Length: 0\r\n\r\n", here)
        sink.first(call_id, "BYE", 0.1)

    processes, memory, calls = pids(), [], 0
    well()
    for number in range(ROUNDS):
        began = time.monotonic()
        rng = random.Random(SEED)  # the same again: what a round leaves behind is a leak
        for call in range(CALLS):
            place(rng, f"r{number}c{call}x{SEED}")
            if call % 60 == 0:
                well()
                calls += 1
        wait_for("the transactions to end", lambda: re.search(
            r"current: 0\b", trunks.kamailio.rpc("tm.stats")), 40, 0.2)
        t.note(f"round {number}: {time.monotonic() - began:.1f} s")
        memory.append(used())
    t.note(f"shared and private memory after each round: {memory}")
    t.equal(calls, ROUNDS * CALLS // 60, "calls of another trunk go on meanwhile, with media")
    well()
    t.equal(pids(), processes, "the same processes after all")
    t.equal(trunks.rtpengine.process.running(), True, "rtpengine, with the plugin inside, too")
    t.ok(memory[-1][0] - memory[0][0] < 100_000, "shared memory does not grow from round to round")
    t.ok(memory[-1][1] - memory[0][1] < 50_000, "nor does private memory")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
    t.equal(trunks.raw_bytes(), [], "no raw bytes in lines of ours")
    t.ok(sum(any(m.startswith("INVITE") for m in got) for got in sink.got.values())
         > ROUNDS * CALLS / 3, "many of them reached the gateway")
    t.ok(any(m.startswith("SIP/2.0 488") for got in evil.got.values() for m in got)
         or any(m.startswith("SIP/2.0 400") for got in evil.got.values() for m in got),
         "some offers were refused")
