#!/usr/bin/python3
"""Thousands of trunks: a bounded reply that says where it ends, and the rest by numbers."""

import time
import urllib.request

import metrics
from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import PATIENCE, TOP, wait_for

TRUNKS = 5000

with Case(plan=9) as t:
    redis = RedisServer(t)
    objects = {"med:1:gateway:g": {"address": "192.0.2.1"}}
    for number in range(TRUNKS):
        objects[f"med:1:trunk:trunk-{number:05}"] = {
            "gateway": "g", "transport": "udp", "port": 5060, "local_port": 1024 + number}
    objects["med:1:profile:global"] = {"options_interval_s": "0"}
    redis.load(objects)
    control, http = t.path("kamailio.ctl"), t.port()
    with open(f"{TOP}/kamailio-cfg/metrics.cfg", encoding="utf-8") as page:
        lines = page.read().replace("LISTEN_METRICS", f"tcp:127.0.0.1:{http}", 2)
    lines = lines.replace("METRICS_PORT", str(http)) + (
        'loadmodule "sl.so"\nmodparam("mediation", "metrics_kb", 128)\n')
    config = t.write("kamailio.cfg", bare(t.port(), control, redis.url, lines).replace(
        'loadmodule "sl.so"\n', "", 1))
    kamailio = Kamailio(t, config, control=control, tcp=[http])
    wait_for("all to be loaded", lambda: f"trunk: {TRUNKS}\n" in kamailio.rpc("mediation.status"))

    def fetch(path):
        began = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{http}{path}", timeout=PATIENCE) as reply:
            text = reply.read().decode()
        took = time.monotonic() - began
        return text, metrics.parse(text), took

    def trunks(families):
        return [labels["trunk"] for _, labels, _ in families["mediation_trunk_state"].samples]

    text, families, seconds = fetch("/metrics")
    following = int(families["mediation_metrics_next_trunk"].value())
    t.diag(f"{len(trunks(families))} trunks, {len(text)} bytes, {1000 * seconds:.0f} ms")
    t.ok(96 * 1024 < len(text) <= 128 * 1024, "the reply is as long as it may be")
    t.equal(len(trunks(families)), following, "and says where it ends")
    t.ok(seconds < 3, "in no time")
    found, pages = trunks(families), 1
    while following:
        text, families, _ = fetch(f"/metrics/{following}-{TRUNKS}")
        t.ok(len(text) <= 128 * 1024, f"page {pages}: no longer than it may be") if pages < 2 else 0
        found += trunks(families)
        following, pages = int(families["mediation_metrics_next_trunk"].value()), pages + 1
    t.ok(pages >= 2, f"{pages} pages")
    t.equal(len(found), TRUNKS, "have all trunks")
    t.equal(len(set(found)), TRUNKS, "each once")
    answers = [kamailio.rpc("mediation.metrics", first, 60) for first in (0, 4940)]
    t.equal([answer.count("trunk:") for answer in answers], [60, 60], "pages of the RPC")
    t.equal([line for line in kamailio.log().splitlines() if "ERROR" in line], [], "no error")
