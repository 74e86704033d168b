"""SIPp with a scenario: UDP or TCP (Debian's has no TLS)."""

import os

from sandbox import listening


class Sipp:
    """
    scenario  path of an XML file
    target    "host:port" makes it a caller; None lets it wait for calls
    trace     every message is written, which is slow
    media     first of eight ports, of an earlier one
    """

    def __init__(self, sandbox, name, scenario, target=None, transport="udp", calls=1,
                 port=None, user=None, keys=None, options=(), timeout=60,
                 trace=True, media=None):
        self.name, self.calls = name, calls
        self.port = port or sandbox.port()
        self.trace = sandbox.path(name + "-messages.log")
        media = media or sandbox.port(8)
        argv = ["sipp", "-sf", scenario, "-i", "127.0.0.1", "-p", str(self.port),
                "-t", {"udp": "u1", "tcp": "t1"}[transport], "-m", str(calls),
                "-mp", str(media), "-nostdin", "-timeout", f"{timeout}s", "-timeout_error",
                *(["-trace_msg", "-message_file", self.trace] if trace else []),
                "-trace_err", "-error_file", sandbox.path(name + "-errors.log")]
        for key, value in (keys or {}).items():
            argv += ["-key", key, str(value)]
        if user:
            argv += ["-s", user]
        argv += [*options, *([target] if target else [])]
        self.process = sandbox.spawn(name, argv, env={"TERM": "dumb"})
        if not target:
            probe = ((lambda: listening(self.port)) if transport == "tcp"
                     else (lambda: _bound(self.port)))
            self.process.ready("its SIP port", probe)

    def wait(self, timeout=90):
        """True when every call went as the scenario says."""
        return self.process.wait(timeout) == 0

    def messages(self):
        """All it sent and received, as text."""
        if not os.path.exists(self.trace):
            return ""
        with open(self.trace, encoding="utf-8", errors="replace") as file:
            return file.read().replace("\r", "")


def _bound(port):
    """Is a UDP socket bound there? Asked of the kernel: a datagram would be a message."""
    with open("/proc/net/udp", encoding="ascii") as table:
        return any(line.split()[1].endswith(f":{port:04X}") for line in list(table)[1:])
