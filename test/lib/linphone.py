"""A linphone endpoint without a display, as far as call.py needs one: plays a tone, records.

Of another make than baresip: SIP by belle-sip, media by mediastreamer2 and oRTP. It takes
commands on its standard input and says what happens on its output, which is its log.
"""

import os
import re

import audio
from sandbox import PATIENCE, wait_for

CONFIG = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
bind_address=127.0.0.1
use_ipv6=0
guess_hostname=0
contact=<sip:{number}@127.0.0.1>
{secure}[rtp]
audio_rtp_port={rtp}-{rtp_last}
[misc]
log_collection=0
[audio_codec_0]
mime=PCMA
rate=8000
enabled=1
"""
# Its servers' names are not those of certificates here; whose they are is verified.
SECURE = """\
media_encryption={encryption}
media_encryption_mandatory=1
root_ca={c.ca}
client_cert_chain={c.cert}
client_cert_key={c.key}
verify_server_cn=0
"""
ENCRYPTIONS = {"sdes": "srtp", "dtls": "dtls"}  # as its configuration spells them
# What it says when a call has come so far.
SAID = {"CALL_ESTABLISHED": r"^Call \d+ with .* connected", "CALL_CLOSED": r"^Call \d+ with .* (ended|error)"}


class Linphone:
    """
    transport    "udp", "tcp" or "tls"; by TLS (with a certificate, and then SRTP) it only calls
    keys         of SRTP, where there is a certificate: "sdes" or "dtls"
    frequency    of the tone it plays into its calls; it answers calls at once
    """

    def __init__(self, sandbox, name, transport="udp", frequency=440, number=None,
                 certificate=None, keys="sdes"):
        self.name, self.transport = name, transport
        self.dir = sandbox.path(name)
        os.makedirs(os.path.join(self.dir, ".local/share/linphone"))  # else it does not start
        self.port, rtp = sandbox.port(), sandbox.port(12)
        self.rtp_ports = range(rtp, rtp + 12)
        tone = audio.write_tone(os.path.join(self.dir, "tone.wav"), frequency, 60)
        config = sandbox.write(f"{name}/config", CONFIG.format(
            secure=SECURE.format(c=certificate, encryption=ENCRYPTIONS[keys]) if certificate else "",
            number=number or name, rtp=rtp, rtp_last=rtp + 11,
            **{word: self.port if word == transport else 0 for word in ("udp", "tcp", "tls")}))
        commands = os.path.join(self.dir, "commands")
        os.mkfifo(commands)
        self._commands = os.open(commands, os.O_RDWR)
        self.process = sandbox.spawn(name, ["sh", "-c", f"exec stdbuf -o0 linphonec -S -a -c {config} <{commands}"],
                                     env={"HOME": self.dir}, cwd=self.dir)
        self._mark = self._calls = self._given = 0
        self.command("soundcard use files")
        self.command(f"play {tone}")

    def command(self, text):
        """It takes what has come since it last asked for one command: so at its prompt, one."""
        self._given += 1
        self.process.ready("its prompt", lambda: self.process.text().count("linphonec> ") >= self._given)
        os.write(self._commands, f"{text}\n".encode())

    def begin(self):
        """What is said and recorded from here on is of a new call."""
        self._calls += 1
        self._mark = len(self.process.text())
        self.command(f"record {self._recording()}")

    def call(self, uri):
        self.begin()
        self.command(f"call {uri};transport={self.transport}")

    def hang_up(self):
        self.command("terminate")

    def wait_event(self, kind, timeout=PATIENCE):
        return wait_for(f"{self.name} to see {kind}", lambda: self._said(SAID[kind]), timeout)

    def wait_answer(self, timeout=PATIENCE):
        """True once established; False when the call was refused."""
        wait_for(f"{self.name}: an answer", lambda: any(map(self._said, SAID.values())), timeout)
        return bool(self._said(SAID["CALL_ESTABLISHED"]))

    def wait_closed(self, timeout=PATIENCE):
        self.wait_event("CALL_CLOSED", timeout)

    def heard(self, frequency):
        """Seconds of this tone in the recording of the call since begin(); hung up first."""
        return audio.tone_seconds(audio.read_wav(self._recording()), frequency)

    def _recording(self):
        return os.path.join(self.dir, f"heard-{self._calls}.wav")

    def _said(self, pattern):
        return re.search(pattern, self.process.text()[self._mark:], re.M)
