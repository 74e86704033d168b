"""A baresip endpoint without a display: plays a tone, records what it hears.

Driven over ctrl_tcp (JSON in netstrings). Every SIP message it sends or receives is in
its log, so that a test reads what was really on the wire, TLS or not.
"""

import glob
import json
import os
import re
import socket
import time

import audio
from sandbox import PATIENCE, Failure, wait_for

MEDIA = {None: "", "required": ";mediaenc=srtp-mand", "optional": ";mediaenc=srtp",
         "dtls": ";mediaenc=dtls_srtp", "webrtc": ";mediaenc=dtls_srtp;medianat=ice"}

CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
sip_trans_def {transport}
{tls}
net_interface 127.0.0.1
rtp_ports {rtp_first}-{rtp_last}
audio_source aufile,{tone}
audio_player aubridge,{name}
audio_alert aubridge,none
ausrc_srate 8000
auplay_srate 8000
snd_path {recordings}
ctrl_tcp_listen 127.0.0.1:{control}
call_local_timeout 60
call_max_calls 8
statmode_default off
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module dtls_srtp.so
module ice.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""


class Baresip:
    """
    transport   "udp", "tcp" or "tls" (then certificate is needed, see certs.py)
    srtp        None, "optional" (RTP/AVP + crypto), "required" (RTP/SAVP), "dtls"
                (UDP/TLS/RTP/SAVPF), "webrtc" (with ICE, where there is more than loopback)
    frequency   of the tone it plays into its calls
    numbers     it answers to; the first is what it calls as (default: its name)
    answer      True: answers calls at once
    """

    def __init__(self, sandbox, name, transport="udp", srtp=None, frequency=440,
                 certificate=None, numbers=(), answer=True, seconds=60):
        self.name, self.transport, self.frequency = name, transport, frequency
        self.dir = sandbox.path(name)
        self.recordings = os.path.join(self.dir, "recordings")
        os.makedirs(self.recordings)
        base = sandbox.port(2)
        # TLS listens one above the port it is told.
        self.port = base + 1 if transport == "tls" else base
        rtp, control = sandbox.port(12), sandbox.port()
        self.rtp_ports = range(rtp, rtp + 12)
        tone = audio.write_tone(os.path.join(self.dir, "tone.wav"), frequency, seconds)
        tls = ""
        if certificate:
            tls = f"sip_certificate {certificate.bundle()}\nsip_cafile {certificate.ca}"
        sandbox.write(f"{name}/config", CONFIG.format(
            port=base, transport=transport, tls=tls, rtp_first=rtp, rtp_last=rtp + 11,
            tone=tone, name=name, recordings=self.recordings, control=control,
            modules=_modules()))
        options = (f";transport={transport}>;regint=0;audio_codecs=pcma/8000/1,pcmu/8000/1"
                   f"{MEDIA[srtp]}{';answermode=auto' if answer else ''}\n")
        self.numbers = list(numbers) or [name]
        sandbox.write(f"{name}/accounts", "".join(
            f"<sip:{number}@127.0.0.1{options}" for number in self.numbers))
        sandbox.write(f"{name}/contacts", "")
        self.process = sandbox.spawn(name, ["baresip", "-s", "-f", self.dir])
        self._heard = b""
        self.events = []
        self.sock = self.process.ready("its control port", lambda: _connect(control))
        self._old_recordings = set()
        self._mark = 0

    def command(self, word, params="", timeout=PATIENCE):
        """Its answer's text; Failure when it says no."""
        token = f"{word}-{time.monotonic_ns()}"
        body = json.dumps({"command": word, "params": params, "token": token}).encode()
        self.sock.sendall(b"%d:%s," % (len(body), body))
        reply = wait_for(f"{self.name} to answer '{word}'", lambda: self._reply(token), timeout)
        if not reply["ok"]:
            raise Failure(f"{self.name}: {word} {params}: {reply['data']}")
        return reply["data"]

    def call(self, uri):
        """Dial (transport is the account's); see wait_answer(), wait_event()."""
        self.begin()
        self.command("dial", uri)

    def begin(self):
        """From here on events, messages and recordings belong to a new call."""
        self._poll()
        self.events.clear()
        self._mark = os.path.getsize(self.process.log)
        self._old_recordings = set(self._recorded())

    def hang_up(self):
        self.command("hangup")

    def wait_event(self, kind, timeout=PATIENCE):
        """The first event of this type since begin(), as a dictionary."""

        def seen():
            self._poll()
            return next((e for e in self.events if e["type"] == kind), None)

        return wait_for(f"{self.name} to see {kind}", seen, timeout)

    def wait_answer(self, timeout=PATIENCE):
        """True once established; False when the call was refused (see codes())."""

        def settled():
            self._poll()
            kinds = [e["type"] for e in self.events]
            return [k for k in kinds if k in ("CALL_ESTABLISHED", "CALL_CLOSED")]

        return wait_for(f"{self.name}: an answer", settled, timeout)[0] == "CALL_ESTABLISHED"

    def wait_closed(self, timeout=PATIENCE):
        """Why, in its words."""
        return self.wait_event("CALL_CLOSED", timeout).get("param", "")

    # ---- what was on the wire ----

    def messages(self):
        """SIP messages since begin(), sent and received, in order."""
        with open(self.process.log, "rb") as log:
            log.seek(self._mark)
            text = log.read().decode(errors="replace").replace("\r", "")
        return re.findall(r"^(?:\x1b\[36;1m)?#\n(?:UDP|TCP|TLS) \S+ -> \S+\n(.*?)\x1b\[;m",
                          text, flags=re.M | re.S)

    def requests(self, method):
        return [m for m in self.messages() if m.startswith(method + " ")]

    def codes(self, method="INVITE"):
        """Status codes of the responses to this method, in order."""
        return [int(m.split(" ", 2)[1]) for m in self.messages()
                if m.startswith("SIP/2.0 ") and re.search(rf"^CSeq: *\d+ {method}$", m, re.M)]

    def heard(self, frequency):
        """Seconds of this tone in the recording of the call since begin(); hung up first."""
        new = [p for p in self._recorded() if p not in self._old_recordings]
        return max((audio.tone_seconds(audio.read_wav(p), frequency) for p in new),
                   default=0.0)

    def _recorded(self):
        return glob.glob(os.path.join(self.recordings, "*-dec.wav"))

    # ---- control connection ----

    def _reply(self, token):
        self._poll()
        for index, event in enumerate(self.events):
            if event.get("token") == token:
                return self.events.pop(index)
        return None

    def _poll(self):
        """Take in what baresip has said so far, without waiting."""
        try:
            while chunk := self.sock.recv(65536):
                self._heard += chunk
        except BlockingIOError:
            pass
        while (colon := self._heard.find(b":")) > 0:
            size = int(self._heard[:colon])
            if len(self._heard) < colon + size + 2:
                return
            message = json.loads(self._heard[colon + 1:colon + 1 + size])
            self._heard = self._heard[colon + size + 2:]
            message.setdefault("type", "")
            self.events.append(message)


def _connect(port):
    sock = socket.socket()
    if sock.connect_ex(("127.0.0.1", port)):
        sock.close()
        return None
    sock.setblocking(False)
    return sock


def _modules():
    found = glob.glob("/usr/lib/*/baresip/modules") + glob.glob("/usr/lib/baresip/modules")
    if not found:
        raise Failure("baresip's modules are not found under /usr/lib; is baresip-core there?")
    return found[0]
