#!/usr/bin/python3
"""Inside rtpengine: one quiet thread, in the process that serves, and nowhere else."""

import os
import signal
import subprocess

from case import Case
from listener import PLAIN, REQUIRED, Caller, hello, learned
from rtpengine import PLUGIN, Rtpengine
from sandbox import wait_for
from sip import sdp


def proc(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
        return file.read()


def field(text, name):
    return next(line.split()[1] for line in text.splitlines() if line.startswith(name + ":"))


def threads(pid, name):
    return [task for task in os.listdir(f"/proc/{pid}/task")
            if proc(pid, f"task/{task}/comm").strip() == name]


def udp_owners(port):
    """Inodes of UDP sockets bound to the port."""
    with open("/proc/net/udp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return {row[9] for row in rows if int(row[1].split(":")[1], 16) == port}


def has_socket(pid, inodes):
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    return any(f"socket:[{inode}]" in found for inode in inodes)


with Case(plan=26) as t:
    names = subprocess.run(["nm", "-D", "--defined-only", PLUGIN], capture_output=True, text=True,
                           check=True).stdout
    t.equal(names, "", "it lends no name to the program it is in")

    rtpengine = Rtpengine(t, "foreground", plugin=True)
    t.equal(learned(rtpengine.listener)["med-host"], "inside", "the listener serves")
    pid = rtpengine.process.pid
    ours = threads(pid, "med-policy")
    t.equal(len(ours), 1, "it has one thread")
    status = proc(pid, f"task/{ours[0]}/status")
    blockable = (1 << 64) - 1 - (1 << 8) - (1 << 18) - (1 << 31) - (1 << 32)  # KILL, STOP, libc's
    blocked = int(field(status, "SigBlk"), 16)
    t.equal(blocked & blockable, blockable, "which blocks every signal")
    t.equal((os.sched_getscheduler(int(ours[0])), os.sched_getscheduler(pid)),
            (os.SCHED_BATCH, os.SCHED_OTHER), "and gives way to rtpengine's own")
    t.ok(PLUGIN in proc(pid, "maps"), "it was preloaded")
    rtpengine.process.popen.terminate()
    t.equal(rtpengine.process.wait(5), 0, "SIGTERM still ends rtpengine in order")
    t.equal(hello(rtpengine.listener), {}, "and the listener with it")

    # What rtpengine's children inherit, seen in a program of that name.
    host = t.path("rtpengine")
    subprocess.run(["gcc", "-o", host, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                                    "host.c"), "-lpthread"], check=True)
    other, port = "libm.so.6", t.port()
    for preload, left in ((PLUGIN, ""), (f"{other}:{PLUGIN}", other), (f"{PLUGIN} {other}", other)):
        program = subprocess.Popen(
            [host], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, "LD_PRELOAD": preload,
                            "MEDIATION_PLUGIN_LISTEN": f"127.0.0.1:{port}"})
        t.equal(program.stdout.readline(), f"preload={left}\n",
                f"LD_PRELOAD of {preload.replace(PLUGIN, '<plugin>')} loses the plugin only")
        wait_for("the listener", lambda: hello(port))
        said = program.communicate("go\n", timeout=10)[0].split("\n")
        t.equal(said[:2], ["parent threads=3 sockets=2", "child threads=1 sockets=0"],
                "a fork while it serves gets neither thread nor socket")

    env = {**os.environ, "LD_PRELOAD": PLUGIN, "MEDIATION_PLUGIN_LISTEN": "127.0.0.1:1"}
    out = subprocess.run(["sh", "-c", "ls /proc/$$/task | wc -l; echo $LD_PRELOAD; grep Sig "
                          "/proc/self/status >/dev/null && echo lives"],
                         env=env, capture_output=True, text=True, check=True)
    t.equal(out.stdout.split(), ["1", PLUGIN, "lives"], "another program is left alone")
    t.equal(out.stderr, "", "without a word")

    # Daemonised: rtpengine forks once, and the parent leaves.
    conf = t.write("daemon.conf", f"[listener]\nlisten=127.0.0.1:{t.port()}\n"
                   f"log=syslog\nping_interval_ms=200\n")
    listen = int(open(conf, encoding="ascii").read().split("listen=127.0.0.1:")[1].split()[0])
    ng, pidfile = t.port(), t.path("rtpengine.pid")
    start = subprocess.run(
        ["rtpengine", "--config-file=none", "--table=-1", "--interface=127.0.0.2",
         f"--listen-ng=127.0.0.1:{ng}", f"--pidfile={pidfile}", "--num-threads=2",
         f"--port-min={t.media_ports[0]}", f"--port-max={t.media_ports[1]}", "--delete-delay=0"],
        env={**os.environ, "LD_PRELOAD": PLUGIN, "MEDIATION_PLUGIN_CONFIG": conf},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        timeout=120, check=False)
    daemon = 0
    try:
        daemon = int(wait_for("a pid file", lambda: os.path.exists(pidfile)
                              and open(pidfile, encoding="ascii").read().strip()))
        t.equal(start.returncode, 0, "daemonised: the parent leaves in order")
        answer = learned(listen)
        t.equal(answer["med-nodes"], {f"127.0.0.1:{ng}": "alive"},
                "the listener serves, and found rtpengine's port on its command line")
        t.equal(len(threads(daemon, "med-policy")), 1, "in one thread of the child")
        t.ok(has_socket(daemon, udp_owners(listen)), "whose socket it is")
        t.equal(len(udp_owners(listen)), 1, "the only one on that port")
        caller = Caller(listen, "daemon-call")
        caller.offer((REQUIRED, PLAIN), sdp(4000, profile="RTP/SAVP", key="A" * 40))
        t.equal(caller.media(), "RTP/AVP", "and it applies the policy")
        caller.send("delete")
    finally:
        if daemon:
            os.kill(daemon, signal.SIGTERM)
            wait_for("the daemon to end", lambda: not os.path.exists(f"/proc/{daemon}")
                     or field(proc(daemon, "status"), "State") == "Z")

    # Its port in its config file, ours in the keyfile without nodes.
    config = t.write("rtpengine.conf", f"[media]\nlisten-ng = localhost:{ng}\ntable = -1\n"
                     "interface = 127.0.0.2\n")
    filed = t.spawn("filed", ["rtpengine", f"--config-file={config}", "--config-section=media",
                              "--foreground", "--log-stderr", "--num-threads=2",
                              f"--port-min={t.media_ports[0]}", f"--port-max={t.media_ports[1]}"],
                    env={"LD_PRELOAD": PLUGIN, "MEDIATION_PLUGIN_CONFIG": conf})
    t.equal(learned(listen)["med-nodes"], {f"127.0.0.1:{ng}": "alive"},
            "rtpengine's port is found in its config file as well")
    filed.stop()

    # A keyfile that is wrong: rtpengine runs, and the reason is told.
    log = t.spawn("wrong", ["rtpengine", "--config-file=none", "--foreground", "--log-stderr",
                            "--table=-1", "--interface=127.0.0.2", f"--listen-ng=127.0.0.1:{ng}",
                            "--num-threads=2"],
                  env={"LD_PRELOAD": PLUGIN, "MEDIATION_PLUGIN_CONFIG": t.write(
                      "wrong.conf", "[listener]\nlisten=here\n")})
    wait_for("the reason", lambda: "no policy listener" in log.text())
    t.like(log.text(), r"wrong\.conf: key 'listen': 'here' is not an address and port",
           "a wrong keyfile is told with file, key and remedy")
    t.ok(wait_for("rtpengine itself", lambda: "Startup complete" in log.text() and log.running()),
         "while rtpengine runs, without a listener")
    t.unlike(log.text(), "listening inside", "which the module then finds out")
