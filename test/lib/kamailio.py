"""A Kamailio of one's own: stock binary, the module from build/, a configuration file."""

import glob
import os
import re
import subprocess

from sandbox import BUILD, PATIENCE, Failure, listening

BARE = """\
listen=udp:127.0.0.1:{port}
debug={debug}
log_stderror=yes
children=1
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "ctl.so"
loadmodule "mediation.so"
modparam("ctl", "binrpc", "unix:{control}")
modparam("mediation", "redis_url", "{url}")
#!ifdef LAST_KNOWN_GOOD
modparam("mediation", "last_known_good", LAST_KNOWN_GOOD)
#!endif
{lines}
request_route {{ exit; }}
"""


def bare(port, control, url, lines="", debug=2):
    """A configuration with the module alone, for what it does without a call."""
    return BARE.format(port=port, control=control, url=url, lines=lines, debug=debug)


class Kamailio:
    """
    config   path of the file
    defines  {name: value} for `#!ifdef`, `#!substdef`-ed names and the like (kamailio -A)
    tcp      ports that must accept connections before it counts as started, at `host`
    lkg      path of its last known good configuration
    control  path of the ctl module's unix socket, for rpc()
    """

    def __init__(self, sandbox, config, defines=None, name="kamailio", tcp=(), control=None,
                 options=("-x", "fm", "-X", "fm"), env=None, wrapper=(), host="127.0.0.1"):
        self.sandbox, self.name, self.config, self.tcp = sandbox, name, config, list(tcp)
        self.host = host
        self.control = control or sandbox.path(name + ".ctl")
        self.run_dir = sandbox.path(name + "-run")
        os.makedirs(self.run_dir, exist_ok=True)
        self.argv = [*wrapper, "kamailio", "-f", config, "-L", f"{BUILD}/:{modules()}", "-DD",
                     "-E", "-Y", self.run_dir, *options]
        self.lkg = sandbox.path(name + ".lkg")
        for key, value in {"LAST_KNOWN_GOOD": f'"{self.lkg}"', **(defines or {})}.items():
            self.argv += ["-A", key if value is None else f"{key}={value}"]
        self.env, self.start_within = env, 300 if wrapper else 20
        self.start()

    def start(self):
        self.process = self.sandbox.spawn(self.name, self.argv, env=self.env)
        self.process.ready("answers RPC and accepts connections", self._ready, self.start_within)

    def stop(self):
        self.process.stop()

    def _ready(self):
        if not os.path.exists(self.control) or not all(
                listening(port, self.host) for port in self.tcp):
            return False
        try:
            self.rpc("core.uptime")
            return True
        except Failure:
            return False

    def rpc(self, method, *arguments):
        """kamcmd's text; Failure with the server's reason. Python's texts stay texts."""
        # kamcmd would take the text 0030 for the number 30.
        words = [f"s:{a}" if isinstance(a, str) else str(a) for a in arguments]
        try:
            done = subprocess.run(["kamcmd", "-s", f"unix:{self.control}", method, *words],
                                  capture_output=True, text=True,
                                  timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise Failure(f"{method}: no answer within {PATIENCE} s") from None
        # kamcmd tells an error in the text, not by its exit code.
        if done.returncode or done.stdout.startswith("error:") or done.stderr.strip():
            raise Failure(f"{method}: {(done.stderr + done.stdout).strip()}")
        return done.stdout

    def log(self):
        return self.process.text()

    def alarms(self):
        """What Kamailio logged as critical, or as a bug of its own or ours."""
        found, ending = [], False
        for line in self.log().splitlines():
            # Of processes that end by the same signal, one may see the other end first.
            ending = (ending and not line.startswith("Listening on")
                      or "Thank you for flying" in line)
            # The core's TCP processes read the tick twice as they start; a new one may begin
            # between the two, which it tells at the next, and goes on.
            if (re.search(r"CRITICAL|BUG|ALERT|EMERG", line)
                    and not (ending and "receive_fd(): EOF" in line)
                    and "local_timer_run(): backwards or still time" not in line):
                found.append(line)
        return found


def modules():
    found = glob.glob("/usr/lib/*/kamailio/modules")
    if not found:
        raise Failure("Kamailio's modules are not found under /usr/lib/*/kamailio/modules")
    return found[0] + "/"
