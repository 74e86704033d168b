#!/usr/bin/python3
"""Torture: RFC 4475's messages, and thousands of broken ones, while another trunk's calls go on."""

import glob
import os
import random
import re
import socket
import time

from case import Case
from sandbox import TOP, Failure, wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
RFC4475 = os.environ.get("RFC4475", os.path.join(TOP, "..", "shared", "data", "rfc4475"))
MUTATIONS, SEED = 4000, int(os.environ.get("SEED", "4475"))
INVITE = (
    "INVITE sip:+49301234@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};"
    "branch=z9hG4bK{id}\r\nMax-Forwards: 70\r\nFrom: \"A\" <sip:5512345@pbx.example;user=phone>;"
    "tag={id}\r\nTo: <sip:+49301234@127.0.0.1>\r\nCall-ID: torture-{id}\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:a@127.0.0.1:{own}>\r\nP-Asserted-Identity: <sip:5512345@pbx.example>\r\n"
    "Diversion: <sip:5599999@pbx.example>;reason=unconditional\r\n"
    "History-Info: <sip:5599999@pbx.example>;index=1\r\nPrivacy: none\r\n"
    "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}")
IDENTITIES = ("From", "To", "P-Asserted-Identity", "Diversion", "History-Info", "Contact", "Call-ID")
# What the RFC asks for where it is clear, of a trunk that may call; 484 is ours: no number is
# called. What Kamailio's core cannot parse it drops without an answer: a wrong version, two
# lengths or CSeqs, a negative one, quotes that do not close, blanks in the first line, header
# names with % or ` in them (TC_ESC02_V, TC_INTMETH) and a folded CSeq (TC_WSINV).
ANSWERS = {
    "TC_BADASPEC_I": {200, 400}, "TC_BADBRANCH_V": {200}, "TC_BADDATE_V": {400, 484},
    "TC_BEXT01_V": {420}, "TC_CLERR_I": {400}, "TC_CPARAM01_V": {405}, "TC_CPARAM02_V": {405},
    "TC_ESC01_V": {484}, "TC_ESCNULL_V": {405}, "TC_ESCRURI_V": {400, 484}, "TC_INVUT_V": {415, 484},
    "TC_LONGREQ_V": {484}, "TC_LTGTRURI_I": {400}, "TC_LWSDISP_V": {200}, "TC_MISMATCH01_V": {400},
    "TC_MISMATCH02_V": {400, 501}, "TC_MPART01": {405}, "TC_NOVELSC_V": {400, 416},
    "TC_REGAUT01_V": {405}, "TC_REGBADCT_I": {400, 405}, "TC_REGESCRT_V": {405},
    "TC_SCALAR02_V": {400}, "TC_SDP01_V": {484}, "TC_SEMIURI_V": {200}, "TC_TRANSPORTS_V": {200},
    "TC_TRWS_I": {200, 400}, "TC_UNKSCM_V": {400, 416}, "TC_UNKSM2_V": {400}, "TC_ZEROMF_V": {483}}
# Responses that nobody waits for go nowhere, and are not answered.
SILENT = ("TC_BCAST_V", "TC_BIGCODE_V", "TC_NOREASON_V", "TC_SCALARLG_V", "TC_UNREASON_V")


def mutate(rng, message):
    """One of many ways to break a message."""
    data = bytearray(message)
    head = message.split(b"\r\n\r\n")[0].split(b"\r\n")
    way = rng.randrange(10)
    if way == 0:
        for _ in range(rng.randrange(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif way == 1:
        del data[rng.randrange(len(data)):]
    elif way == 2:
        data[rng.randrange(len(data)):0] = b"\0" * rng.randrange(1, 9)
    elif way == 3:
        at = rng.randrange(len(data))
        del data[at:at + rng.randrange(1, 60)]
    elif way in (4, 5, 6):  # an identity header that is missing, doubled, folded, or 10 kB long
        name = rng.choice(IDENTITIES).encode()
        lines = [n for n, line in enumerate(head) if line.startswith(name + b":")]
        if lines:
            line = head[lines[0]]
            head[lines[0]:lines[0] + 1] = rng.choice((
                [], [line, line], [line.replace(b": ", b":\r\n\t ", 1)],
                [name + b': "' + b"x" * 10000 + b'" <sip:5512345@pbx.example>;tag=x'],
                [name + b": <sip:" + b"5" * rng.choice((1, 300, 1000, 10000)) + b"@x>;tag=x"],
                [name + b": <sip:%35%35;ext=1@2;x@y>;tag=x"], [name + b":"], [name + b": <"],
                [name + b": \xff\xfe<sip:\xc3\xa4@x>;tag=\xc3"], [name.upper() + line[len(name):]]))
        data = bytearray(b"\r\n".join(head) + b"\r\n\r\n" + message.split(b"\r\n\r\n", 1)[-1])
    elif way == 7:
        data = bytearray(re.sub(rb"Content-Length: \d+", b"Content-Length: " + str(rng.choice(
            (-1, 0, 1, 99999, 2**31, 2**64))).encode(), message))
    elif way == 8:
        data = bytearray(message.replace(b"+49301234", rng.choice((
            b"1", b"9" * 1000, b"%00%ff", b"\xe4\xb8\x80", b"a;phone-context=+1", b"1;ext=" + b"2" * 99,
            b"+", b"*#", b"(((", b"1@2@3"))))
    else:
        data += message * rng.randrange(1, 3)
    return bytes(data[:60000])


with Case(plan=39) as t:
    rng = random.Random(SEED)
    t.note(f"seed {SEED}")
    # What is over is to end while we wait.
    config = t.write("short.cfg", f'include_file "{TOP}/kamailio-cfg/kamailio.cfg"\n'
                     'modparam("tm", "wt_timer", 1000)\n')
    trunks = Trunks(t, config=config, trunks={
        "pbx1": {**PLAIN, "forward_pai": "yes"}, "pbx2": PLAIN, "pbx3": {**PLAIN, "transport": "tcp"},
        "gw1": {**PLAIN, "forward_call_history": "yes",
                "outbound_calling_number_translation_rules": "national"}, "gw2": PLAIN,
    }, routes={"all": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
               "well": {"pattern": r"^\+33\d+$", "trunks": "gw2"}},
        rules={"national": [r"^55(\d+)$ => 089$1"]})

    def pids():
        return re.findall(r"PID: (\d+)|pid: (\d+)", trunks.kamailio.rpc("core.psx"))

    def used():
        return int(re.search(r"real_used: (\d+)", trunks.kamailio.rpc("core.shmmem"))[1])

    def well():
        """A call of another trunk, from INVITE to BYE."""
        sent, got, final = trunks.answered("pbx2", "gw2", "+33123", sdp(30000), sdp(31000))
        trunks.pbx2.bye(sent, final)
        trunks.gw2.reply(trunks.gw2.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
        trunks.pbx2.expect(200, call_id=sent.get("Call-ID"))

    def ours(number):
        body = sdp(30000)
        return INVITE.format(port=trunks.local["pbx1"], own=trunks.pbx1.port, id=f"{number}x{SEED}",
                             length=len(body), body=body).encode()

    def udp(data, stranger=False):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.66" if stranger else "127.0.0.1", 0))
            try:
                sock.sendto(data, trunks.address("pbx1"))
            except OSError:  # longer than a datagram
                return

    def tcp(data, stranger=False):
        with socket.socket() as sock:
            sock.settimeout(2)
            sock.bind(("127.0.0.66" if stranger else "127.0.0.1", 0))
            sock.connect(trunks.address("pbx3"))
            try:
                sock.sendall(data)
            except OSError:  # closed by then: it had heard enough
                return

    def answer(data, within=1):
        """The final answer to it, as from pbx1's address; 0: none within this time."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(within)
            sock.sendto(re.sub(rb"(?im)^(Via|v)( *: *SIP */ *2\.0 */ *)\w+ +[^;\r\n]+",
                               b"\\1\\2UDP 127.0.0.1:%d;rport" % sock.getsockname()[1], data, count=1),
                        trunks.address("pbx1"))
            try:
                while True:
                    status = int(sock.recv(65535).split()[1])
                    if status >= 200:
                        return status
            except (OSError, ValueError, IndexError):
                return 0

    before, well_calls = pids(), 0
    files = sorted(glob.glob(f"{RFC4475}/*.dat"))
    if files:
        t.equal(len(files), 50, "messages of the RFC")
    else:
        t.skip(3 + len(ANSWERS), f"RFC 4475's messages are not in {RFC4475}: set RFC4475 to a folder")
    messages = {}
    for path in files:
        with open(path, "rb") as file:
            messages[os.path.basename(path)[:-4]] = file.read()
    for data in messages.values():
        for stranger in (False, True):
            udp(data, stranger)
            tcp(data, stranger)
    well()
    if messages:
        t.equal(pids(), before, "alive after the RFC's messages, by UDP and TCP, known and not")
    for name in messages and ANSWERS:
        got = answer(messages[name])
        t.ok(got in ANSWERS[name], f"{name}: {got}")
    if messages:
        t.equal([name for name in SILENT if answer(messages[name], within=0.2)], [],
                "responses are not answered")
    # One that is for us first, and for somebody else then: a packet sent by us to wherever.
    port = trunks.pbx2.port
    for first in (trunks.local["pbx1"], 9):
        udp((f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:{first};branch=z9hG4bKa\r\n"
             f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKb\r\nFrom: <sip:a@b>;tag=1\r\n"
             "To: <sip:c@d>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 INVITE\r\n"
             "Content-Length: 0\r\n\r\n").encode(), stranger=True)
    well()
    trunks.pbx2.expect_none(200, 0.2)
    t.ok(True, "a response that nobody waits for goes nowhere")

    def keep_pace():
        """Until it has taken what was sent. By UDP the question itself may be lost."""
        def answered():
            asked = trunks.pbx1.request("OPTIONS", "sip:127.0.0.1", trunks.address("pbx1"))
            try:
                return trunks.pbx1.expect(200, 1, call_id=asked.get("Call-ID"))
            except Failure:
                return None
        wait_for("it to keep pace", answered)

    # well-formed first, so that memory has what it takes
    for number in range(200):
        udp(ours(number))
    wait_for("the transactions to end", lambda: re.search(
        r"current: 0\b", trunks.kamailio.rpc("tm.stats")), interval=0.2)
    memory, began = used(), time.monotonic()
    for number in range(MUTATIONS):
        seed = rng.choice(list(messages.values())) if messages and not rng.randrange(3) \
            else ours(1000 + number)
        data = mutate(rng, seed)
        (tcp if number % 40 == 0 else udp)(data, stranger=number % 4 == 0)
        if number % 25 == 0:  # not faster than it takes them
            keep_pace()
        if number % 500 == 0:
            well()
            well_calls += 1
    t.note(f"{MUTATIONS} mutations in {time.monotonic() - began:.1f} s")
    t.equal(well_calls, MUTATIONS // 500, "calls of another trunk go on meanwhile")
    well()
    t.equal(pids(), before, "the same processes after all")
    wait_for("the transactions to end", lambda: re.search(
        r"current: 0\b", trunks.kamailio.rpc("tm.stats")), interval=0.2)
    grown = used() - memory
    t.ok(grown < 400_000, f"shared memory grew by {grown} bytes")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
    lines = trunks.lines("mediation")
    t.ok(len(lines) < 3 * MUTATIONS, f"{len(lines)} lines of the log")
    t.equal(trunks.raw_bytes(), [], "no raw bytes in lines of ours")
