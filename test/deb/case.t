#!/usr/bin/python3
"""The packages in a stock system: installed, calls placed, upgraded, removed, purged.

Run by test/deb/test, as a service of a root that Debian's systemd has booted: units are started,
killed and restarted by it. The example pbx-and-pstn is taken as it was installed; its addresses
are here.
"""

import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import time

from case import Case
from certs import Authority
from listener import hello
from redis import RedisServer
from rtp import End
from sandbox import Failure, wait_for
from sip import SipPeer, sdp
from trunks import TLS_CONFIG, Answering

PAGES = "/usr/share/doc/kamailio-mediation-module/mediation-server/modules/mediation/doc/"
PACKAGES = ("kamailio-mediation-module", "medctl", "rtpengine-mediation-plugin")
EXAMPLE = "/usr/share/mediation/kamailio-cfg/examples/pbx-and-pstn/"
KEYFILE = "/etc/mediation/rtpengine-plugin.conf"
LKG = "/var/lib/kamailio/mediation.lkg"
OURS, PBX, GATEWAY = "10.1.0.2", "10.1.1.10", "10.1.2.11"
KAMAILIO, RTPENGINE, DAEMON = "kamailio", "rtpengine-daemon", "med-ng-policy"
MASK = f"/etc/systemd/system/{RTPENGINE}.service.d/mediation.conf"
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
# Not of root's group, which sees all processes.
ATTEMPTS = """\
[Service]
Type=oneshot
Group=nogroup
PrivateMounts=yes
ExecStart=/mediation/test/deb/attempts
StandardOutput=truncate:/run/attempts
"""
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


def systemctl(*words):
    return run("systemctl", *words)


def shown(name, key):
    """A property of a unit."""
    return systemctl("show", "--value", "-p", key, name).strip()


def pids(*names):
    """Who serves, by unit."""
    return {name: shown(name, "MainPID") for name in names}


def journal(name, *options):
    """What a unit said since its last start."""
    run("journalctl", "--sync")
    return run("journalctl", "-o", "cat", *options,
               f"_SYSTEMD_INVOCATION_ID={shown(name, 'InvocationID')}")


def network():
    """The addresses of the example; rtpengine's "any" interface is every one but loopback."""
    for words in ("link set lo up", "link add here type veth peer name there",
                  f"address add {OURS}/24 dev here", "link set here up", "link set there up",
                  f"address add {PBX}/32 dev lo", f"address add {GATEWAY}/32 dev lo",
                  "address add 10.1.2.12/32 dev lo"):
        run("ip", *words.split())


def drop_in(page):
    """A drop-in as a page has it; its folder."""
    with open(page, encoding="utf-8") as file:
        folder, name, text = re.search(
            r"`(/etc/\S+)/(\S+\.conf)`.*?```text\n(.*?)```", file.read(), re.S).groups()
    os.makedirs(folder)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
    systemctl("daemon-reload")
    return folder


def attempts(text):
    """What a unit of these lines lets root do, who may do more than a user of its own."""
    text = re.sub(r"^(Exec|Restart|DynamicUser|Type).*\n", "", text, flags=re.M)
    with open("/run/systemd/system/attempts.service", "w", encoding="utf-8") as file:
        file.write(text.replace("[Service]\n", ATTEMPTS))
    systemctl("daemon-reload")
    systemctl("start", "attempts")
    with open("/run/attempts", encoding="utf-8") as file:
        return set(file.read().splitlines())


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

    def restart(self, *names):
        """These units, until calls go through them."""
        systemctl("restart", *names)
        self.wait()

    def kill(self, name):
        """As a crash would; another process when systemd has started one."""
        old = shown(name, "MainPID")
        os.kill(int(old), signal.SIGKILL)
        wait_for(f"{name} again", lambda: shown(name, "ActiveState") == "active"
                 and shown(name, "MainPID") not in ("0", old))
        self.wait()

    def wait(self):
        """Until calls go through them; the module believes an old yes of the plugin for 3 s."""
        wait_for("the plugin", lambda: "med-version" in hello(2224))
        since = time.monotonic()
        wait_for("the configuration", lambda: "gw2" in self.rpc("mediation.trunks"))
        wait_for("the plugin to be seen", lambda: time.monotonic() > since + 3
                 and "policy_listener: yes" in self.rpc("mediation.status"))

    def rpc(self, method):
        done = subprocess.run(["kamcmd", "-s", "unix:/run/kamailio/kamailio_ctl", method],
                              capture_output=True, text=True, check=False)
        return done.stdout

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
    """What the pages, or the unit as its Documentation, lead to and is not there."""
    found = {file for file in re.findall(r"file:(\S+)", shown(DAEMON, "Documentation"))
             if not os.path.exists(file)}
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


with Case(plan=57) as t:
    t.spawn("journal", ["journalctl", "--follow", "--lines=all", "--output=short-precise"])
    network()
    systemctl("start", RTPENGINE)
    before, running = listing(), pids(RTPENGINE)
    said = apt("install", *glob.glob("/debs/*.deb"))
    t.equal(len(versions()), 1, "three packages of one version are installed")
    t.like(said, "loaded when rtpengine-daemon is next restarted", "nothing is in the plugin's way")
    t.equal((pids(RTPENGINE), hello(2224)), (running, {}), "rtpengine runs on, without the plugin")
    state = os.stat("/var/lib/kamailio")
    t.equal((oct(state.st_mode & 0o777), pwd.getpwuid(state.st_uid).pw_name), ("0o750", "kamailio"),
            "the last known good is for Kamailio alone")
    t.equal((shown(DAEMON, "UnitFileState"), shown(DAEMON, "ActiveState")),
            ("disabled", "inactive"), "the daemon is neither enabled nor started")
    verify = ("systemd-analyze", "verify", "--man=no")
    t.equal(run(*verify, DAEMON + ".service"), "", "its unit is right")
    t.unlike(run(*verify, RTPENGINE + ".service"), "mediation",
             "and so is rtpengine's with the drop-in")
    t.equal(pages(), set(), "pages lead to each other")

    # Inside rtpengine
    machine = Machine(t)
    t.like(run("medctl", "apply", "--yes", EXAMPLE + "objects.conf"), "written", "medctl apply")
    with open("/etc/default/kamailio", "a", encoding="utf-8") as file:
        file.write(f"CFGFILE={EXAMPLE}kamailio.cfg\n")
    machine.restart(RTPENGINE, KAMAILIO)
    t.equal(hello(2224).get("med-host"), "inside", "the plugin is in rtpengine, and answers")
    t.unlike(journal(RTPENGINE), "mediation: ", "the check of the drop-in has nothing to say")
    t.like(journal(KAMAILIO, "--priority=notice"), "revision 1 in force",
           "what Kamailio says is in the journal, by its level")
    t.equal(machine.call()(), 200, "the call ends")
    for name in (KAMAILIO, RTPENGINE):
        machine.kill(name)
        t.equal(machine.call()(), 200, f"so does one after a crash of {name}")

    with open(KEYFILE, "a", encoding="utf-8") as file:
        file.write("# changed here\n")
    end, running, old = machine.call(), pids(KAMAILIO, RTPENGINE), versions()
    apt("install", *newer())
    t.equal({v.replace(" ", "+next ", 1) for v in old}, versions(), "upgraded")
    with open(KEYFILE, encoding="utf-8") as file:
        t.like(file.read(), "changed here", "the keyfile is kept as it was changed")
    t.equal(pids(KAMAILIO, RTPENGINE), running, "servers are not restarted by that")
    t.equal(end(), 200, "the call that was up ends as it should")
    machine.restart(RTPENGINE, KAMAILIO)
    t.equal(machine.call()(), 200, "so does one with the new version")
    t.ok(os.path.exists(LKG), "the last known good is there")
    options = drop_in(PAGES + "tuning.md")
    machine.restart(KAMAILIO)
    with open(f"/proc/{shown(KAMAILIO, 'MainPID')}/cmdline", encoding="utf-8") as file:
        t.like(file.read(), "-x\0fm\0-X\0fm", "options of Kamailio, as a page has them")
    shutil.rmtree(options)

    # Beside rtpengine
    os.makedirs(os.path.dirname(MASK))
    os.symlink("/dev/null", MASK)
    systemctl("daemon-reload")
    systemctl("restart", RTPENGINE)
    t.equal(hello(2224), {}, "without the drop-in there is no plugin")
    systemctl("enable", "--now", DAEMON)
    machine.wait()
    t.equal(hello(2224).get("med-host"), "daemon", "it answers beside rtpengine")
    t.equal(machine.call()(), 200, "a call ends")
    machine.kill(DAEMON)
    t.equal(machine.call()(), 200, "so does one after a crash of the daemon")
    with open(f"/usr/lib/systemd/system/{DAEMON}.service", encoding="utf-8") as file:
        allowed = attempts(file.read())
    everything = attempts("[Service]\n")
    t.equal((allowed, len(everything)), ({"udp", "keyfile", "/tmp"}, 15),
            "its unit lets it do what it must, and nothing else of what could be done")
    t.like(run("systemd-analyze", "security", "--threshold=15", DAEMON + ".service"),
           "exposure level.* OK", "which is what systemd calls OK")

    # Capabilities of the binary keep the plugin out, whatever the drop-in says.
    run("setcap", "cap_net_admin+ep", "/usr/bin/rtpengine")
    shutil.rmtree(os.path.dirname(MASK))
    systemctl("daemon-reload")
    systemctl("restart", RTPENGINE)
    t.like(journal(RTPENGINE), "setcap -r /usr/bin/rtpengine", "told in the journal")
    running = pids(DAEMON, KAMAILIO, RTPENGINE)
    t.like(apt("install", "--reinstall", *glob.glob("/debs/*+next.deb")),
           "setcap -r /usr/bin/rtpengine", "and when the package is installed")
    changed = {name for name, pid in pids(*running).items() if running[name] != pid}
    t.equal(changed, {DAEMON}, "which restarts the daemon alone")
    run("setcap", "-r", "/usr/bin/rtpengine")

    running = pids(KAMAILIO, RTPENGINE)
    apt("remove", *PACKAGES)
    t.equal((os.path.exists(KEYFILE), os.path.exists(LKG)), (True, True),
            "removed: what was configured stays")
    t.ok(not shutil.which("medctl") and not glob.glob("/usr/lib/systemd/system/rtpengine-*.d"),
         "and nothing else")
    t.equal((hello(2224), shown(DAEMON, "LoadState"), pids(*running)),
            ({}, "not-found", running), "the daemon has ended, others run on")
    apt("purge", *PACKAGES)
    after = listing()
    t.equal({p: s for p, s in after.items() if before.get(p) != s}, {}, "purged: nothing is left")
    t.equal(sorted(set(before) - set(after)), [], "and nothing of others is gone")
