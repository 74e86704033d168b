#!/usr/bin/python3
"""What Prometheus reads of calls: attempts, answers, failures by class, delays, states."""

import shutil
import subprocess
import urllib.error
import urllib.request

import metrics
from case import Case
from sandbox import PATIENCE, Failure, wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
PATIENT = {**PLAIN, "trying_timeout_ms": "20000"}

with Case(plan=31) as t:
    http = t.port()
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PATIENT, "gw2": PATIENT,
                        "gw3": {**PATIENT, "transport": "tcp"}},
                    without=("gw3",), routes={
        "first": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
        "second": {"pattern": r"^\+49\d+$", "trunks": "gw2", "priority": "1"},
        "third": {"pattern": r"^\+33\d+$", "trunks": "gw3"},
        "again": {"pattern": r"^\+33\d+$", "trunks": "gw2", "priority": "1"}},
        defines={"LISTEN_METRICS": f"tcp:127.0.0.1:{http}", "METRICS_PORT": str(http)})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2
    with trunks.redis.client() as client:
        client.command("HSET", "med:1:limits:trunk:gw1", "max_calls", "30", "max_calls_out", "9")
    wait_for("the limits", lambda: "total: 1" in trunks.kamailio.rpc("mediation.limits"))

    def fetch(path="/metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{http}{path}", timeout=PATIENCE) as reply:
            return reply.headers["Content-Type"], reply.read().decode()

    def value(name, suffix="", **labels):
        return metrics.parse(fetch()[1])[f"mediation_{name}"].value(suffix, **labels)

    def trunk(name, of="gw1", suffix="", **labels):
        return value(f"trunk_{name}", suffix, trunk=of, **labels)

    def timer(ms):
        with trunks.redis.client() as client:
            client.command("HSET", "med:1:profile:trunk:gw1", "trying_timeout_ms", ms)
        wait_for("the timer", lambda: f"trying_timeout_ms: {ms}\n" in trunks.kamailio.rpc(
            "mediation.profiles", "trunk:gw1"))

    def call(number="+4930"):
        return trunks.call("pbx1", number, sdp=sdp(30000)).get("Call-ID")

    kind, text = fetch()
    t.equal(kind, "text/plain; version=0.0.4", "the type that Prometheus asks for")
    families = metrics.parse(text)
    t.equal([f.name for f in families.values() if not f.help or not f.kind], [],
            "each family has HELP and TYPE")
    t.equal([s[1]["trunk"] for s in families["mediation_trunk_attempts_total"].samples], [],
            "a trunk without calls takes one line")
    t.equal(trunk("state", "gw1"), 0, "its state: up")
    t.equal(value("objects", kind="trunk"), 4, "objects in force")
    t.equal(value("redis_live"), 1, "Redis is there")

    call_id = call()
    got = gw1.expect("INVITE", call_id=call_id)
    t.equal(wait_for("it to be counted", lambda: value("limit_calls", limits="trunk:gw1", way="out")),
            1, "the limits in use")
    t.equal(value("limit_max_calls", limits="trunk:gw1", way="both"), 30, "and what they allow")
    gw1.reply(got, 180, "Ringing")
    pbx1.expect(180, call_id=call_id)
    t.equal(trunk("post_dial_delay_seconds", suffix="_count"), 1, "it rings: a delay")
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    pbx1.expect("2xx", call_id=call_id)
    t.equal(trunk("answers_total"), 1, "it is answered")
    t.equal(trunk("post_dial_delay_seconds", suffix="_count"), 1, "its delay is counted once")

    gw1.reply(gw1.expect("INVITE", call_id=(call_id := call())), 200, "OK", sdp=sdp(31000))
    pbx1.expect("2xx", call_id=call_id)
    t.equal((trunk("answers_total"), trunk("post_dial_delay_seconds", suffix="_count")), (2, 2),
            "answered without ringing: that is the delay")

    gw1.reply(gw1.expect("INVITE", call_id=(call_id := call())), 503, "Service Unavailable")
    gw2.reply(gw2.expect("INVITE", call_id=call_id), 486, "Busy Here")
    pbx1.expect(486, call_id=call_id)
    t.equal((trunk("unanswered_total", **{"class": "5xx"}), trunk(
        "unanswered_total", "gw2", **{"class": "4xx"})), (1, 1), "failures by class")

    timer(300)
    gw1.expect("INVITE", call_id=(call_id := call()))  # says nothing
    timer(20000)
    gw2.reply(gw2.expect("INVITE", call_id=call_id), 603, "Decline")
    pbx1.expect(603, call_id=call_id)
    t.equal((trunk("unanswered_total", **{"class": "timer"}), trunk(
        "unanswered_total", "gw2", **{"class": "6xx"})), (1, 1), "a timer; a 603")

    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    got = gw1.expect("INVITE", call_id=(call_id := sent.get("Call-ID")))
    gw1.reply(got, 180, "Ringing")
    pbx1.expect(180, call_id=call_id)
    pbx1.send([f"CANCEL {sent.uri} SIP/2.0", "CSeq: 1 CANCEL", "Max-Forwards: 70",
               *(f"{name}: {sent.get(name)}" for name in ("Via", "From", "To", "Call-ID"))],
              to=trunks.address("pbx1"))
    gw1.reply(gw1.expect("CANCEL", call_id=call_id), 200, "OK")
    gw1.reply(got, 487, "Request Terminated")
    pbx1.expect(487, call_id=call_id)
    t.equal(trunk("unanswered_total", **{"class": "cancelled"}), 1, "the caller gave up")

    gw2.reply(gw2.expect("INVITE", call_id=(call_id := call("+331"))), 200, "OK", sdp=sdp(31000))
    pbx1.expect("2xx", call_id=call_id)
    t.equal(trunk("unanswered_total", "gw3", **{"class": "connection"}), 1, "nobody listens there")
    t.equal(trunk("calls_in_total", "pbx1"), 6, "calls that came in")
    t.equal([trunk("attempts_total", of) for of in ("gw1", "gw2", "gw3")], [5, 3, 1], "attempts")
    t.equal([value("calls_in_total"), value("failovers_total")], [6, 2], "totals, too")

    trunks.kamailio.rpc("mediation.trunk_state", "gw2", "down")
    t.equal(trunk("state", "gw2"), 2, "down by hand")

    one = trunks.kamailio.rpc("mediation.metrics", "gw1")
    t.like(one, r"attempts: 5\n\s*answers: 2\n\s*answer_percent: 40\.0\n\s*post_dial_delay_ms: \d+",
           "mediation.metrics has the ratio and the mean delay")
    t.like(one, r"unanswered_5xx: 1\n\s*unanswered_timer: 1\n\s*unanswered_cancelled: 1",
           "and the failures")
    listed = trunks.kamailio.rpc("mediation.metrics", 0, 2)
    t.like(listed, r"(?s)trunk: .*trunk: .*next: 2", "a page of it, and where the next begins")
    try:
        t.ok(False, trunks.kamailio.rpc("mediation.metrics", "gone"))
    except Failure as why:
        t.like(str(why), "404 - no trunk 'gone' is in force", "no such trunk: a fault")

    part = metrics.parse(fetch("/metrics/1-2")[1])
    t.equal(len(part["mediation_trunk_state"].samples), 2, "two trunks by number")
    t.ok("mediation_calls_in_total" not in part, "and nothing else")
    codes = []
    for path in ("/metrics/2-1", "/metrics/x-1", "/metrics/1", "/metricsx", "/metrics/0-99999999999"):
        try:
            fetch(path)
            codes.append(200)
        except urllib.error.HTTPError as error:
            codes.append(error.code)
    t.equal(codes, [404] * 5, "what is no range of numbers is not found")
    trunks.kamailio.rpc("mediation.trunk_state", "gw3", "down")
    t.equal(value("trunks_not_up"), 2, "two trunks are not up")
    trunks.redis.command("DEL", "med:1:trunk:gw3")
    wait_for("nothing to be told of it", lambda: value("trunks_not_up") == 1)
    t.ok(True, "and one of them is deleted")
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=fetch()[1], text=True,
                              capture_output=True, check=False)
        t.diag("promtool: " + (done.stdout + done.stderr or "nothing to say"))
    t.equal(trunks.alarms(), [], "nothing alarming in the log")
    t.equal([line for line in trunks.lines("ERROR: mediation")
             if "does not answer; calls that need a media policy" not in line], [],
            "and no error of ours; there is no listener here")
