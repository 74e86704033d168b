#!/usr/bin/python3
"""The packages in a stock system: installed, a call placed, upgraded, removed, purged.

Run by test/deb/test, in a root of its own. The example pbx-and-pstn is taken as it was
installed: its addresses are here, each server is started as its unit says, by hand.
"""

import glob
import os
import pwd
import re
import shlex
import shutil
import subprocess

from case import Case
from certs import Authority
from listener import hello
from redis import RedisServer
from rtp import End
from sandbox import Failure, wait_for
from sip import SipPeer, sdp
from trunks import TLS_CONFIG, Answering

PACKAGES = ("kamailio-mediation-module", "medctl", "rtpengine-mediation-plugin")
EXAMPLE = "/usr/share/mediation/kamailio-cfg/examples/pbx-and-pstn/"
KEYFILE = "/etc/mediation/rtpengine-plugin.conf"
LKG = "/var/lib/kamailio/mediation.lkg"
OURS, PBX, GATEWAY = "10.1.0.2", "10.1.1.10", "10.1.2.11"
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
# What each run of dpkg, apt or a server writes anew.
PASSING = re.compile(r"/(proc|sys|dev|run|tmp|debs|mediation)(/|$)|/var/(log|cache|lib/apt|tmp)/|"
                     r"/var/lib/dpkg/[^/]*-old$")


def run(*words, code=0):
    """What a command says; Failure when it exits with another code."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)
    if done.returncode != code:
        raise Failure(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def apt(*words):
    return run("apt-get", "-qy", "--no-install-recommends", *words)


def listing():
    """Every file of the system: {path: (mode, owner, group)}."""
    found = {}
    for folder, folders, names in os.walk("/"):
        folders[:] = [n for n in folders if not PASSING.match(os.path.join(folder, n))]
        for name in folders + names:
            path = os.path.join(folder, name)
            if not PASSING.match(path):
                state = os.lstat(path)
                found[path] = (oct(state.st_mode), state.st_uid, state.st_gid)
    return found


def versions():
    return set(run("dpkg-query", "-W", "-f", "${Version} ${db:Status-Status}\n",
                   *PACKAGES).splitlines())


def unit(name):
    """[(key, value)] of a unit and its drop-ins, as systemd would read them."""
    files = [f"/usr/lib/systemd/system/{name}",
             *sorted(glob.glob(f"/usr/lib/systemd/system/{name}.d/*.conf"))]
    text = "".join(open(file, encoding="utf-8").read() for file in files)
    return [tuple(p.strip() for p in line.split("=", 1)) for line in text.splitlines()
            if "=" in line and not line.startswith("#")]


def start(t, name, user, env=(), more=()):
    """A unit's ExecStart as its user, with its environment and capabilities."""
    lines = unit(name + ".service")
    found = {}
    for word, value in lines:
        if word == "Environment":
            found.update([value.strip("'").split("=", 1)])
    found.update(env)
    command = next(value for word, value in lines if word == "ExecStart")
    command = re.sub(r"\$(\w+)", lambda m: found[m[1]], command)
    caps = ",".join("+" + cap.removeprefix("CAP_").lower() for word, value in lines
                    if word == "AmbientCapabilities" for cap in value.split())
    folder = f"/run/{user}"
    os.makedirs(folder, exist_ok=True)
    shutil.chown(folder, user, user)
    # LD_PRELOAD is for the program alone.
    return t.spawn(name, [
        "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups",
        *([f"--inh-caps={caps}", f"--ambient-caps={caps}"] if caps else []),
        "env", *(f"{key}={value}" for key, value in found.items()), *shlex.split(command), *more])


def network():
    """The addresses of the example; rtpengine's "any" interface is every one but loopback."""
    for words in ("link set lo up", "link add here type veth peer name there",
                  f"address add {OURS}/24 dev here", "link set here up", "link set there up",
                  f"address add {PBX}/32 dev lo", f"address add {GATEWAY}/32 dev lo",
                  "address add 10.1.2.12/32 dev lo"):
        run("ip", *words.split())


class Machine:
    """The servers of the example, Debian's programs with ours in them."""

    def __init__(self, t):
        self.t = t
        ca = Authority(t.path("ca"))
        own, pbx = ca.issue("sbc", ["sbc.example.com"]), ca.issue("pbx", ["pbx1.example.com"])
        os.chmod(t.dir, 0o755)
        os.chmod(own.key, 0o644)
        with open("/etc/kamailio/tls.cfg", "w", encoding="utf-8") as file:
            file.write(TLS_CONFIG.format(c=own, verify="yes", require="yes"))
        self.redis = RedisServer(t, port=6379)
        self.pbx = SipPeer(t, "tls", pbx, "pbx1", 5067, PBX)
        self.gateway = SipPeer(t, "tcp", None, "gw1", 5066, GATEWAY)
        Answering(self.pbx)
        Answering(self.gateway)

    def start(self):
        t = self.t
        self.rtpengine = start(t, "rtpengine-daemon", "rtpengine")
        self.rtpengine.ready("the plugin's port", lambda: "med-version" in hello(2224))
        self.kamailio = start(t, "kamailio", "kamailio",
                              {"CFGFILE": EXAMPLE + "kamailio.cfg"}, ["-DD", "-E"])
        self.kamailio.ready("the configuration is in force",
                            lambda: "gw2" in self.rpc("mediation.trunks"))
        wait_for("the policy listener to be seen", lambda: re.search(
            r"yes", self.rpc("mediation.status")))

    def rpc(self, method):
        done = subprocess.run(["kamcmd", "-s", "unix:/run/kamailio/kamailio_ctl", method],
                              capture_output=True, text=True, check=False)
        return done.stdout

    def stop(self):
        self.kamailio.stop()
        self.rtpengine.stop()

    def call(self):
        """From the PBX to the world: SRTP there, RTP at the gateway. Returns what ends it."""
        t, pbx, gateway = self.t, self.pbx, self.gateway
        heard, talking = End(t, PBX), End(t, GATEWAY)
        sent = pbx.request("INVITE", f"sip:000442071234567@{OURS}:5067", (OURS, 5067),
                           number="1001", sdp=sdp(heard.port, PBX, "RTP/SAVP", KEY))
        got = gateway.expect("INVITE")
        t.like(got.first, "sip:00442071234567@", "a call: the number as the PSTN has it")
        gateway.reply(got, 200, "OK", sdp=sdp(talking.port, GATEWAY))
        final = pbx.expect("2xx")
        pbx.ack(sent, final)
        gateway.expect("ACK")
        t.equal([re.search(r"^m=audio \d+ (\S+)", m.body, re.M)[1] for m in (final, got)],
                ["RTP/SAVP", "RTP/AVP"], "SRTP at the PBX, RTP at the gateway")
        talking.aim(got.body, at=OURS)
        packet = wait_for("a packet at the PBX", lambda: talking.send(8, b"\xd5" * 160)
                          or heard.got(), interval=0.02)
        t.ok(len(packet) == 12 + 160 + 10 and b"\xd5" * 16 not in packet,
             "what the gateway says comes to the PBX, encrypted")

        def end():
            pbx.bye(sent, final)
            gateway.reply(gateway.expect("BYE"), 200, "OK")
            return pbx.expect("2xx").status
        return end


def newer():
    """The same packages with a higher version."""
    found = []
    for deb in glob.glob("/debs/*.deb"):
        folder = deb[:-4]
        run("dpkg-deb", "--raw-extract", deb, folder)
        control = folder + "/DEBIAN/control"
        with open(control, encoding="utf-8") as file:
            text = re.sub(r"^(Version: .*)", r"\g<1>+next", file.read(), flags=re.M)
        with open(control, "w", encoding="utf-8") as file:
            file.write(text)
        run("dpkg-deb", "--build", folder, folder + "+next.deb")
        found.append(folder + "+next.deb")
    return found


def pages():
    """Links between the pages that lead nowhere, and units' Documentation that is not there."""
    found = {file for name in ("med-ng-policy.service", "rtpengine-daemon.service")
             for key, value in unit(name) if key == "Documentation"
             for file in re.findall(r"file:(\S+)", value) if not os.path.exists(file)}
    there = glob.glob("/usr/share/doc/kamailio-mediation-module/**/*.md", recursive=True)
    if not there:
        found.add("no page is there")
    for page in there:
        with open(page, encoding="utf-8") as file:
            text = re.sub(r"```.*?```", "", file.read(), flags=re.S)
        found |= {f"{page}: {target}" for target in re.findall(r"\]\((?!http)([^)#\s]+)", text)
                  if not os.path.exists(os.path.normpath(
                      os.path.join(os.path.dirname(page), target)))}
    return found


with Case(plan=33) as t:
    network()
    before = listing()
    debs = glob.glob("/debs/*.deb")
    said = apt("install", *debs)
    t.equal(len(versions()), 1, "three packages of one version are installed")
    t.like(said, "loaded when rtpengine-daemon is next restarted", "nothing is in the plugin's way")
    state = os.stat("/var/lib/kamailio")
    t.equal((oct(state.st_mode & 0o777), pwd.getpwuid(state.st_uid).pw_name), ("0o750", "kamailio"),
            "the last known good is for Kamailio alone")
    t.ok(not glob.glob("/etc/systemd/system/*/med-ng-policy*"), "the daemon is not enabled")
    verify = ("systemd-analyze", "verify", "--man=no")
    t.equal(run(*verify, "med-ng-policy.service"), "", "its unit is right")
    t.unlike(run(*verify, "rtpengine-daemon.service"), "mediation",
             "and so is rtpengine's with the drop-in")

    t.equal(pages(), set(), "pages lead to each other")

    machine = Machine(t)
    t.like(run("medctl", "apply", "--yes", EXAMPLE + "objects.conf"), "written", "medctl apply")
    machine.start()
    t.equal(run("/usr/lib/mediation/check-preload", "after", str(machine.rtpengine.pid)), "",
            "the plugin is in rtpengine")
    t.equal(hello(2224).get("med-host"), "inside", "and answers")
    t.equal(machine.call()(), 200, "the call ends")

    with open(KEYFILE, "a", encoding="utf-8") as file:
        file.write("# changed here\n")
    end = machine.call()
    old = versions()
    apt("install", *newer())
    t.equal({v.replace(" ", "+next ", 1) for v in old}, versions(), "upgraded")
    with open(KEYFILE, encoding="utf-8") as file:
        t.like(file.read(), "changed here", "the keyfile is kept as it was changed")
    t.equal(end(), 200, "the call that was up ends as it should")
    machine.stop()
    machine.start()
    t.equal(machine.call()(), 200, "so does one with the new version")
    t.ok(os.path.exists(LKG), "the last known good is there")
    machine.stop()

    # Beside rtpengine
    t.equal(run(*next(v for k, v in unit("med-ng-policy.service") if k == "ExecStartPre").split()),
            "", "the daemon takes the keyfile as packaged")
    os.rename("/usr/lib/systemd/system/rtpengine-daemon.service.d", t.path("drop-in"))
    plain = start(t, "rtpengine-daemon", "rtpengine")
    plain.ready("ping", lambda: hello(2223))
    t.equal(hello(2224), {}, "without the drop-in there is no plugin")
    beside = start(t, "med-ng-policy", "daemon")
    beside.ready("ping", lambda: hello(2224))
    t.equal(hello(2224).get("med-host"), "daemon", "it answers beside rtpengine")
    beside.stop()
    plain.stop()
    shutil.move(t.path("drop-in"), "/usr/lib/systemd/system/rtpengine-daemon.service.d")

    run("setcap", "cap_net_admin+ep", "/usr/bin/rtpengine")
    t.like(apt("install", "--reinstall", *glob.glob("/debs/*+next.deb")),
           "setcap -r /usr/bin/rtpengine", "capabilities would keep the plugin out: told")
    run("setcap", "-r", "/usr/bin/rtpengine")

    apt("remove", *PACKAGES)
    t.equal((os.path.exists(KEYFILE), os.path.exists(LKG)), (True, True),
            "removed: what was configured stays")
    t.ok(not shutil.which("medctl") and not glob.glob("/usr/lib/systemd/system/rtpengine-*.d"),
         "and nothing else")
    apt("purge", *PACKAGES)
    after = listing()
    t.equal({p: s for p, s in after.items() if before.get(p) != s}, {}, "purged: nothing is left")
    t.equal(sorted(set(before) - set(after)), [], "and nothing of others is gone")
