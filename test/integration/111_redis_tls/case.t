#!/usr/bin/python3
"""Redis by TLS, in a Kamailio whose own tls module has given OpenSSL its shared memory: it
works, reconnects without growing, says what is wrong with a certificate, and disturbs no
TLS of Kamailio's."""

import re
import shutil
import socket
import ssl

from case import Case
from certs import Authority
from kamailio import Kamailio, bare
from redis import SERVER, RedisServer
from sandbox import Failure, listening, wait_for
from trunks import TLS_CONFIG

LOSSES = 4  # of three connections each; a leaked one would cost 50 kB and more


class TlsRedis(RedisServer):
    """On a port of its own by TLS; the plain one stays for the test."""

    def __init__(self, sandbox, certificate, options=(), **more):
        self.tls_port = sandbox.port()
        super().__init__(sandbox, options=[
            "--tls-port", str(self.tls_port), "--tls-cert-file", certificate.cert,
            "--tls-key-file", certificate.key, "--tls-ca-cert-file", certificate.ca,
            "--tls-auth-clients", "optional", *options], **more)


with Case(plan=24) as t:
    ca, other = Authority(t.path("ca")), Authority(t.path("other"))
    server, own = ca.issue("redis", ["redis.example"]), ca.issue("node", ["node.example"])
    redis = TlsRedis(t, server, ["--requirepass", "sesame-open"])
    redis_ca = t.path("redis-ca.pem")
    shutil.copy(ca.cert, redis_ca)
    tls_cfg = t.write("tls.cfg", TLS_CONFIG.format(c=own, verify="no", require="no"))
    count = [0]

    def write(**fields):
        with redis.client() as client:
            client.command("AUTH", "sesame-open")
            client.command("HSET", "med:1:gateway:g", "address", "192.0.2.1")
            client.command("HSET", "med:1:trunk:t", "gateway", "g", "transport", "tcp",
                           *[str(word) for pair in fields.items() for word in pair])

    def begin(url, first="tls"):
        """Kamailio with both modules; which of them is loaded first must not matter."""
        count[0] += 1
        name, tls_port = f"k{count[0]}", t.port()
        control = t.path(name + ".ctl")
        text = bare(t.port(), control, url, f"""\
modparam("tls", "config", "{tls_cfg}")
modparam("mediation", "node", "n1")
""")
        text = f"enable_tls=yes\nlisten=tls:127.0.0.1:{tls_port}\n" + text
        before, after = 'loadmodule "tm.so"\n', 'loadmodule "mediation.so"\n'
        text = (text.replace(before, 'loadmodule "tls.so"\n' + before) if first == "tls" else
                text.replace(after, after + 'loadmodule "tls.so"\n'))
        kamailio = Kamailio(t, t.write(name + ".cfg", text), name=name, control=control,
                            tcp=[tls_port])
        kamailio.tls_port = tls_port
        return kamailio

    def status(kamailio):
        return kamailio.rpc("mediation.status")

    def has_port(kamailio, port):
        try:
            return f" {port}\n" in kamailio.rpc("mediation.trunks", "t")
        except Failure:
            return False

    def speaks_tls(kamailio):
        context = ssl.create_default_context(cafile=ca.cert)
        context.check_hostname = False
        with socket.create_connection(("127.0.0.1", kamailio.tls_port), 5) as plain:
            with context.wrap_socket(plain) as wrapped:
                return wrapped.version()

    def used(kamailio):
        return int(re.search(r"real_used: (\d+)", kamailio.rpc("core.shmmem"))[1])

    def lose(kamailio):
        """Its connections are cut; it comes back."""
        was = kamailio.log().count("all read")
        with redis.client() as client:
            client.command("AUTH", "sesame-open")
            client.command("CLIENT", "KILL", "TYPE", "pubsub")
        wait_for("it to be back", lambda: kamailio.log().count("all read") > was)

    place = f"rediss://:sesame-open@127.0.0.1:{redis.tls_port}/0"
    good = f"{place}?ca={redis_ca}&name=redis.example"
    write(port=5001)
    for first in ("mediation", "tls"):
        kamailio = begin(good, first)
        wait_for("the trunk", lambda: has_port(kamailio, 5001))
        t.ok(True, f"{first} loaded first: it is read by TLS")
        write(port=5002)
        wait_for("the change", lambda: has_port(kamailio, 5002))
        t.ok(True, "and followed")
        t.like(speaks_tls(kamailio), "TLSv1", "Kamailio's own TLS works")
        if first == "mediation":
            kamailio.stop()
        write(port=5001)
    with redis.client() as client:
        client.command("AUTH", "sesame-open")
        t.unlike(client.command("CLIENT", "LIST"), rf"laddr=127.0.0.1:{redis.port} .*name=mediation",
                 "none of its connections is plain")

    lose(kamailio)
    before = used(kamailio)
    for _ in range(LOSSES):
        lose(kamailio)
    wait_for("the old snapshots to be gone", lambda: "snapshots: 1\n" in status(kamailio))
    after = used(kamailio)
    t.ok(after < before + 300000, f"{LOSSES} connections later: {before}, then {after} bytes used")
    t.like(speaks_tls(kamailio), "TLSv1", "and Kamailio's own TLS works")
    write(port=5003)
    wait_for("the change", lambda: has_port(kamailio, 5003))
    t.ok(True, "changes are followed")

    # Everything is renewed, authority and all, while it runs.
    redis.stop()
    newer = Authority(t.path("newer"))
    renewed = newer.issue("redis", ["redis.example"])
    for old, new in ((server.cert, renewed.cert), (server.key, renewed.key), (redis_ca, newer.cert)):
        shutil.copy(new, old)
    redis.options += ["--tls-ca-cert-file", newer.cert]
    redis.process = t.spawn("redis-renewed", redis.process.popen.args + [
        "--tls-ca-cert-file", newer.cert])
    wait_for("Redis to be back", lambda: listening(redis.tls_port))
    write(port=5004)
    wait_for("the change", lambda: has_port(kamailio, 5004))
    t.ok(True, "certificates and authority renewed: no restart is needed")
    kamailio.stop()
    t.unlike(kamailio.log(), "BUG|sesame|core was generated", "nothing bad is in the log")

    # Redis asks for certificates; and the sentinel that names it, and talks to it, speaks TLS.
    mine = newer.issue("mine", ["mine.example"])
    with redis.client() as client:
        client.command("AUTH", "sesame-open")
        client.command("CONFIG", "SET", "tls-auth-clients", "yes")
        client.command("CONFIG", "SET", "tls-replication", "yes")
    kamailio = begin(good)
    wait_for("the refusal", lambda: re.search(
        "certificate required|want a certificate of ours", status(kamailio)))
    t.ok(True, "Redis asks for a certificate and we have none: it says so")
    kamailio.stop()
    with_own = f"{good}&cert={mine.cert}&key={mine.key}"
    kamailio = begin(with_own)
    wait_for("the trunk", lambda: has_port(kamailio, 5004))
    t.ok(True, "with a certificate of our own it is read")
    kamailio.stop()
    sentinel_port = t.port()
    t.spawn("sentinel", [SERVER, t.write("sentinel.conf", f"""\
port 0
tls-port {sentinel_port}
tls-cert-file {renewed.cert}
tls-key-file {renewed.key}
tls-ca-cert-file {newer.cert}
tls-replication yes
sentinel monitor peers 127.0.0.1 {redis.tls_port} 1
sentinel auth-pass peers sesame-open
"""), "--sentinel"])
    wait_for("the sentinel", lambda: listening(sentinel_port))
    kamailio = begin(f"sentinel://:sesame-open@127.0.0.1:{sentinel_port}/peers?tls=1&"
                     + with_own.split("?")[1])
    wait_for("the trunk", lambda: has_port(kamailio, 5004))
    t.like(status(kamailio), f":{redis.tls_port} db 0: all read", "by a sentinel with TLS, too")
    kamailio.stop()

    silent = socket.create_server(("127.0.0.1", 0))
    wrong = [
        ("another name", f"{place}?ca={redis_ca}", "certificate is not for 127.0.0.1"),
        ("no such name", f"{place}?ca={redis_ca}&name=example.org", "is not for example.org"),
        ("another authority", f"{place}?ca={other.cert}&name=redis.example",
         "not good: .*issuer|self.signed"),
        ("the system's authorities", f"{place}?name=redis.example", "not good: .*issuer|self.signed"),
        ("no file", f"{place}?ca=/nowhere/ca.pem", "cannot read the authorities' file /nowhere"),
        ("no key", f"{place}?ca={redis_ca}&cert={own.cert}&key=/nowhere/key", "key /nowhere/key"),
        ("a port without TLS", f"rediss://127.0.0.1:{redis.port}?ca={redis_ca}",
         "speak TLS on this port|wrong version|no TLS in time"),
        ("TLS asked in the clear", f"redis://127.0.0.1:{redis.tls_port}",
         "closed the connection|reset by peer|no answer in time"),
        ("a port that is silent", f"rediss://127.0.0.1:{silent.getsockname()[1]}",
         "no TLS in time"),
    ]
    running = [(name, begin(url), text) for name, url, text in wrong]
    for name, kamailio, text in running:
        wait_for(name, lambda: re.search(text, status(kamailio)))
        t.like(status(kamailio), text, f"{name}: it says so")
        kamailio.stop()
