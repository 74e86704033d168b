#!/usr/bin/python3
"""The images and the systems of docker/: healthy, not root, calls by each node.

    make test-docker

With Debian's docker.io and docker-compose; needs root. A dockerd of its own is started, with
all it has in build/docker (make clean), without a rule in the firewall; images stay there until
the month ends. The peers are on the host, at its end of the containers' network.
"""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time

from case import Case
from certs import Authority
from rtp import End
from sandbox import BUILD, TOP, Failure, wait_for
from sip import SipPeer, sdp
from trunks import TLS_CONFIG, Answering

NET = "172.30.99"
HOST, MEDIA = NET + ".1", NET + ".10"
SERVICES = ("redis", "rtpengine", "sbc1", "sbc2")
OBJECTS = """\
[gateway pbx]
address = {host}
peer = ip_pbx
[gateway gw]
address = {host}
peer = pstn_gateway
[trunk pbx]
transport = udp
port = {pbx}
local_port = 5060
[trunk gw]
transport = tcp
port = {gw}
local_port = 5068
[profile global]
srtp_mode = not_supported
pstn_usages = all
[route all]
pattern = ^\\+49\\d+$
usages = all
trunks = gw
"""


def run(*words, stdin="", code=0, timeout=300):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout,
                          check=False)
    if code is not None and done.returncode != code:
        raise Failure(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Dockerd:
    """Debian's engine, whatever else is there."""

    def __init__(self, t, suite):
        self.home = os.path.join(BUILD, "docker")
        os.makedirs(self.home, exist_ok=True)
        os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin",
                          DOCKER_HOST=f"unix://{self.home}/socket", SUITE=suite)
        if not shutil.which("dockerd") or os.geteuid() != 0:
            raise Failure("needs root and docker.io: apt-get install docker.io docker-compose")
        # What it mounts goes with it.
        self.process = t.spawn("dockerd", [
            "unshare", "--mount", "dockerd", "--host", os.environ["DOCKER_HOST"],
            f"--data-root={self.home}/data", f"--exec-root={self.home}/exec",
            f"--pidfile={self.home}/pid",
            "--bridge=none", *(f"--{name}=false" for name in (
                "iptables", "ip6tables", "ip-forward", "ip-masq"))])
        self.process.ready("answers", lambda: subprocess.run(
            ["docker", "version"], capture_output=True, check=False).returncode == 0)
        self.forget()
        t.note(run(os.path.join(TOP, "docker", "build"), suite, timeout=3600))

    def forget(self):
        """Images of another month: Debian goes on."""
        mark, month = os.path.join(self.home, "month"), time.strftime("%Y-%m")
        with open(mark, "a+", encoding="utf-8") as file:
            file.seek(0)
            if file.read() != month:
                run("docker", "image", "prune", "--all", "--force")
                file.truncate(0)
                file.write(month)


class Compose:
    """A file of docker/; with what Debian has, the plugin of docker or the program."""

    def __init__(self, t, name, **environment):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        self.words = ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]
        if not shutil.which(self.words[0]):
            raise Failure("needs docker-compose: apt-get install docker-compose")
        self.words += ["-p", f"mediation-{name}", "-f", os.path.join(TOP, "docker", name + ".yaml")]
        os.environ.update(NODE_KEY="node secret", **environment)
        self.log = t.path(name + ".log")

    def __call__(self, *words, **more):
        return run(*self.words, *words, **more)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            with open(self.log, "w", encoding="utf-8") as file:
                file.write(self("logs", "--no-color", code=None))
        self("down", "--volumes", "--timeout", "5", code=None)

    def inspect(self, service):
        return json.loads(run("docker", "inspect", self("ps", "-q", service).strip()))[0]

    def address(self, service):
        networks = self.inspect(service)["NetworkSettings"]["Networks"]
        return next(iter(networks.values()))["IPAddress"]

    def wait(self, service, health):
        return wait_for(f"{service} to be {health}", lambda: self.inspect(service)[
            "State"]["Health"]["Status"] == health, 120, interval=0.5)

    def signal(self, service, number):
        """To all processes in it."""
        container = self("ps", "-q", service).strip()
        for pid in run("docker", "top", container, "-o", "pid").split()[1:]:
            os.kill(int(pid), number)

    def inside(self, service, *words, **more):
        return self("exec", "-T", service, *words, **more)


def call(t, pbx, gateway, node, name, media=MEDIA):
    """Through this node: what one says comes to the other."""
    heard, talking = End(t, HOST), End(t, HOST)
    sent = pbx.request("INVITE", f"sip:+49301234567@{node}:5060", (node, 5060),
                       number="+498955501001", sdp=sdp(heard.port, HOST))
    got = gateway.expect("INVITE")
    gateway.reply(got, 200, "OK", sdp=sdp(talking.port, HOST))
    final = pbx.expect("2xx")
    pbx.ack(sent, final)
    gateway.expect("ACK")
    there = re.search(r"^c=IN IP4 (\S+)", got.body, re.M)[1]
    talking.aim(got.body, at=there)
    packet = wait_for("a packet at the PBX", lambda: talking.send(8, b"\xd5" * 160) or heard.got(),
                      interval=0.02)
    t.equal((there, packet[12:]), (media, b"\xd5" * 160), f"{name}: media goes by rtpengine")
    pbx.bye(sent, final)
    gateway.reply(gateway.expect("BYE"), 200, "OK")
    t.equal(pbx.expect("2xx").status, 200, f"{name}: the call ends")


def check(t, compose):
    compose("up", "-d")
    pbx = SipPeer(t, "udp", user="pbx", host=HOST)
    gateway = SipPeer(t, "tcp", user="gw", host=HOST)
    Answering(pbx)
    Answering(gateway)
    objects = OBJECTS.format(host=HOST, pbx=pbx.port, gw=gateway.port)
    compose.wait("redis", "healthy")
    said = compose.inside("sbc1", "sh", "-c", "cat >/tmp/o.conf && medctl apply --yes /tmp/o.conf",
                          stdin=objects)
    t.like(said, "written", "medctl of the image applies a configuration")
    t.ok(all(compose.wait(name, "healthy") for name in SERVICES), "all are healthy")
    for name in SERVICES:
        state = compose.inspect(name)
        root, fixed = state["Config"]["User"] in ("", "root"), state["HostConfig"]["ReadonlyRootfs"]
        t.equal((root, fixed), (False, True), f"{name}: not root, its image cannot be written to")
    for name in ("sbc1", "sbc2"):
        call(t, pbx, gateway, compose.address(name), name)
    nodes = compose.inside("sbc1", "medctl", "status")
    t.ok("sbc1" in nodes and "sbc2" in nodes, "each tells its status")

    # Health tells what is wrong; what a volume keeps is there for a new container.
    compose("stop", "redis")
    compose("up", "-d", "--force-recreate", "--no-deps", "sbc2")
    compose.wait("sbc2", "healthy")
    call(t, pbx, gateway, compose.address("sbc2"), "sbc2 anew, without Redis")
    compose.signal("sbc2", signal.SIGSTOP)
    t.ok(compose.wait("sbc2", "unhealthy"), "a node that hangs is unhealthy")
    compose.signal("sbc2", signal.SIGCONT)
    t.like(compose("exec", "-T", "-e", "KEYFILE=/dev/null", "-e", "MEDIATION_PLUGIN_LISTEN=:9",
                   "rtpengine", "sh", "-c", "health 2>&1 || echo unhealthy"), "^unhealthy",
           "rtpengine whose plugin does not listen is unhealthy")
    check_lan(t, compose, pbx, gateway)


def check_lan(t, compose, pbx, gateway):
    """A node and an rtpengine at an address of the host's, beside them."""
    compose("start", "redis")
    compose.wait("redis", "healthy")
    own = t.path("own")
    certificate = Authority(own).issue("lan", ["lan.example"])
    t.write("own/tls.cfg", TLS_CONFIG.format(c=certificate, verify="no", require="no").replace(
        own, "/etc/kamailio/own"))
    run("chmod", "-R", "a+rX", own)
    with Compose(t, "lan", ADDRESS=HOST, OWN=own, LISTEN_3=f"tls:{HOST}:5067",
                 TLS_CONFIG="/etc/kamailio/own/tls.cfg",
                 REDIS_URL=f"redis://default:redis-secret@{compose.address('redis')}:6379/0") as lan:
        lan("up", "-d")
        t.ok(all(lan.wait(name, "healthy") for name in ("sbc", "rtpengine")),
             "at the host's own address: healthy")
        call(t, pbx, gateway, HOST, "there", media=HOST)
        t.ok("BEGIN CERTIFICATE" in ssl.get_server_certificate((HOST, 5067)),
             "with a certificate of a volume it speaks TLS")


with Case(plan=19) as t:
    Dockerd(t, sys.argv[1])
    with Compose(t, "compose", REDIS_PASSWORD="redis-secret", SUBNET=f"{NET}.0/24",
                 RTPENGINE=MEDIA) as compose:
        check(t, compose)
