#!/usr/bin/python3
"""Routing by what a gateway is, by time, by place, and for emergencies, call by call."""

from case import Case
from sandbox import TOP, wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
PSTN = {**PLAIN, "gateway": {"peer": "pstn_gateway"}}
ALWAYS, NEVER = {"times": "daily"}, {"times": "mon 00:00-00:01", "closed": "01-01..12-31"}

EVENT = """
event_route[mediation:guard] {
	xlog("L_WARN", "fraud? $med(reason), from $si\\n");
}
"""


def with_event(box):
    """kamailio.cfg as it is, and the README's event route."""
    files = []
    for name in ("kamailio.cfg", "mediation.cfg"):
        with open(f"{TOP}/kamailio-cfg/{name}", encoding="utf-8") as config:
            files.append(config.read())
    return box.write("event.cfg",
                     files[0].replace('include_file "mediation.cfg"\n', files[1]) + EVENT)


with Case(plan=33) as t:
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "gateway": {"peer": "ip_pbx", "site": "hq", "dial_plan": "dial"}},
        "gw1": PSTN, "gw2": PSTN,
    }, routes={
        "day": {"pattern": r"^\+49\d+$", "trunks": "gw1", "schedule": "office"},
        "night": {"pattern": r"^\+49\d+$", "trunks": "gw2", "priority": "1"},
        "extensions": {"pattern": r"^\+4989555\d+$", "trunks": "pbx1,gw2", "priority": "2"},
        "sos": {"pattern": r"^11\d$", "usages": "emergency", "trunks": "gw1*0,gw2*0"},
    }, rules={"dial": [r"^0([1-9]\d+)$ => +49$1", r"^(\d{3,4})$ => +4989555$1"]},
        config=with_event(t))
    redis, pbx1, gw1, gw2 = trunks.redis, trunks.pbx1, trunks.gw1, trunks.gw2

    def write(key, **fields):
        """In force when it is listed: by its revision."""
        before = revision()
        words = [word for pair in fields.items() for word in pair]
        with redis.client() as client:
            for command in (["MULTI"], ["DEL", f"med:1:{key}"],
                            ["HSET", f"med:1:{key}", *words], ["EXEC"]):
                client.send(*command)
            for _ in range(4):
                client.reply()
        wait_for(f"{key} to be in force", lambda: revision() > before)

    def revision():
        text = trunks.kamailio.rpc("mediation.status")
        return int(text.split("revision: ")[1].split()[0])

    def call(caller, number, **more):
        """The final answer a caller gets when nobody takes the call."""
        sent = trunks.call(caller, number, sdp=sdp(30000), **more)
        return sent, sent.get("Call-ID")

    def refused(caller, number):
        _, call_id = call(caller, number)
        return trunks.peers[caller].expect("final", call_id=call_id)

    def taken(caller, number, by):
        """Who gets the call, with which number; it is busy."""
        _, call_id = call(caller, number)
        got = by.expect("INVITE", call_id=call_id)
        by.reply(got, 486, "Busy Here")
        by.expect("ACK", call_id=call_id)
        trunks.peers[caller].expect(486, call_id=call_id)
        return got.uri.split("@")[0]

    # a schedule that is not there, one that is open, one that is closed
    t.equal(taken("pbx1", "0301234", gw2), "sip:+49301234",
            "a route whose schedule is missing takes no call; the gateway's dial plan applies")
    write("schedule:office", time_zone="Europe/Berlin", **ALWAYS)
    t.equal(taken("pbx1", "0301234", gw1), "sip:+49301234", "open: the first route")
    write("schedule:office", **NEVER)
    t.equal(taken("pbx1", "0301234", gw2), "sip:+49301234", "closed: the next one")
    shown = trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "0301234")
    t.like(shown, r"schedule 'office': at \d{4}-\d\d-\d\d \d\d:\d\d in UTC it is closed",
           "explain says so")
    t.like(shown, "route 'day' matches, but not now", "and of the route")
    write("schedule:office", time_zone="Europe/Berlin", times="mon-fri 08:00-17:00")
    for moment, says in (("2026-11-27T07:00Z", "2026-11-27 08:00 in Europe/Berlin it is open"),
                         ("2026-11-28T07:00Z", "2026-11-28 08:00 in Europe/Berlin it is closed")):
        t.like(trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "0301234", "-", moment), says,
               f"explained for {moment}")
    write("schedule:office", **NEVER)
    t.like(trunks.kamailio.rpc("mediation.routes", "day"), "schedule: office", "it is listed")

    # what comes from the PSTN
    t.equal(taken("gw1", "+4989555100", pbx1), "sip:+4989555100", "PSTN to PBX")
    got = refused("gw1", "+49301234")
    t.equal(got.status, 403, "PSTN to PSTN: 403")
    t.like(got.get("Reason"), r"by 'gw2'; allow_pstn_to_pstn of profile 'trunk:gw1' is no.*12008",
           "and the field that would allow it")
    write("profile:trunk:gw1", **PLAIN, pstn_usages="all", allow_pstn_to_pstn="yes")
    t.equal(taken("gw1", "+49301234", gw2), "sip:+49301234", "allowed: it goes there")

    # within a site
    write("profile:trunk:gw2", **PLAIN, enable_location_restriction="yes",
          network_site_id="branch")
    got = refused("pbx1", "0301234")
    t.equal((got.status, "would leave site 'hq' by trunk 'gw2' at 'branch'"
             in got.get("Reason")), (403, True), "a restricted trunk of another site: 403")
    write("profile:trunk:gw2", **PLAIN, enable_location_restriction="yes", network_site_id="hq")
    t.equal(taken("pbx1", "0301234", gw2), "sip:+49301234", "of the same site: it takes the call")

    # guards
    write("guard:g", per="caller_and_destination", destination_digits="4", max_calls="2",
          window_s="3600", code="480")
    for _ in range(2):
        taken("pbx1", "0301234", gw2)
    got = refused("pbx1", "0301299")
    t.equal((got.status, trunks.stat("guarded")), (480, 1), "the third call there is one too many")
    t.like(got.get("Reason"), "guard 'g': .49895551000 calls .49301299 by trunk 'pbx1': more than 2 calls "
           "within 3600 s", "and why")
    refused("pbx1", "0301298")
    t.equal(len(trunks.lines("480: guard 'g'")), 1, "told once")
    t.equal(taken("pbx1", "0401234", gw2), "sip:+49401234", "another destination is no matter")
    listed = trunks.kamailio.rpc("mediation.guarded")
    t.equal((listed.count("guard: g"), "called: +49301299" in listed), (1, True),
            "and listed once")
    t.equal(len(trunks.lines("fraud? guard 'g'")), 1, "its event route ran once")
    redis.command("DEL", "med:1:guard:g")

    # emergencies
    t.equal(taken("pbx1", "112", gw2), "sip:+4989555112", "112 is an extension like any other")
    write("location_policy:global", emergency_dial_string="112,110", emergency_dial_mask="911,100",
          pstn_usages="emergency")
    for dialled, sent in (("112", "112"), ("110", "110"), ("911", "112")):
        _, call_id = call("pbx1", dialled)
        got = gw1.expect("INVITE", call_id=call_id)
        t.equal(got.uri.split("@")[0], f"sip:{sent}", f"{dialled} is sent as {sent}")
        gw1.reply(got, 404, "Not Found")
        gw1.expect("ACK", call_id=call_id)
        got = gw2.expect("INVITE", call_id=call_id)
        t.equal(got.uri.split("@")[0], f"sip:{sent}", "a 404 does not end it: the next trunk")
        gw2.reply(got, 486, "Busy Here")
        gw2.expect("ACK", call_id=call_id)
        t.equal(pbx1.expect("final", call_id=call_id).status in (404, 486), True,
                "none is left: the caller hears it")
    write("profile:trunk:pbx1", **PLAIN)
    _, call_id = call("pbx1", "112")
    got = gw1.expect("INVITE", call_id=call_id)
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    t.equal(pbx1.expect("2xx", call_id=call_id).status, 200, "also from who may call nobody")
    t.equal(refused("pbx1", "0301234").status, 403, "who indeed may not")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
