#!/usr/bin/python3
"""A call with explain_flag: its real decision, to the last attempt, in one line of the log."""

import json

from case import Case
from sandbox import TOP, wait_for
from sip import SipPeer, sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
FAST = {**PLAIN, "trying_timeout_ms": "500"}
FLAG = 7


def flagged(sandbox, phone):
    """kamailio.cfg, where calls whose From has a 9 in front are told of; +4977 is a user."""
    files = []
    for name in ("kamailio.cfg", "mediation.cfg"):
        with open(f"{TOP}/kamailio-cfg/{name}", encoding="utf-8") as config:
            files.append(config.read())
    files[1] = files[1].replace(
        "route[MED_CALL] {", f"route[MED_CALL] {{\n\tif ($fU =~ \"^9\") setflag({FLAG});").replace(
        'loadmodule "mediation.so"', 'loadmodule "mediation.so"\n'
        f'modparam("mediation", "explain_flag", {FLAG})').replace(
        "\t# What may this caller call?", f"""\
	if ($rU == "+4977") {{
		$ru = "sip:phone@127.0.0.1:{phone.port}";
		if (!med_to_user()) {{ med_reply(); exit; }}
		med_relay("MED");
		exit;
	}}
	# What may this caller call?""", 1)
    return sandbox.write("told.cfg", files[0].replace('include_file "mediation.cfg"\n', files[1]))


with Case(plan=42) as t:
    phone = SipPeer(t, user="phone")
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "dial_plan": "de"}, "gw1": {**FAST, "outbound_translation_rules": "out"},
        "gw2": FAST, "off": {**FAST, "trunk": {"enabled": "no"}},
        "safe": {"srtp_mode": "not_supported", "anchor": "yes"}}, config=flagged(t, phone),
        routes={"first": {"pattern": r"^\+49\d+$", "trunks": "off*0,gw1*0"},
                "second": {"pattern": r"^\+49\d+$", "trunks": "gw2", "priority": "1"},
                "back": {"pattern": r"^\+44\d+$", "trunks": "pbx1"},
                "gone": {"pattern": r"^\+33\d+$", "trunks": "off"},
                "safe": {"pattern": r"^\+55\d+$", "trunks": "safe"}},
        rules={"de": [r"^0([1-9]\d+)$ => +49$1"], "out": [r"^\+49(\d+)$ => 0$1"]})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    def call(number="030123", calling="9000"):
        return trunks.call("pbx1", number, calling=calling, sdp=sdp(30000))

    def told(call_id):
        """The one line of this call."""
        def lines():
            return trunks.lines("mediation explain {", f'"callid":"{call_id}"')
        wait_for("the line", lines)
        found = lines()
        if len(found) != 1:
            raise AssertionError(f"{len(found)} lines")
        return json.loads(found[0].split("mediation explain ")[1])

    # answered by the first trunk
    sent = call()
    call_id = sent.get("Call-ID")
    got = gw1.expect("INVITE", call_id=call_id)
    t.equal(trunks.lines("mediation explain {"), [], "nothing while it rings")
    gw1.reply(got, 180, "Ringing")
    pbx1.expect(180, call_id=call_id)
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    final = pbx1.expect("2xx", call_id=call_id)
    pbx1.ack(sent, final)
    gw1.expect("ACK", call_id=call_id)
    one = told(call_id)
    t.equal((one["trunk"], one["called"], one["calling"], one["code"]),
            ("pbx1", "+4930123", "9000", 200), "answered: who called whom")
    t.equal([(a["trunk"], a["code"]) for a in one["attempts"]], [("gw1", 200)], "by which trunk")
    t.ok("reason" not in one, "no reason for a no")
    steps = one["steps"]
    for step, what in (
            (rf"udp from 127.0.0.1 to port {trunks.local['pbx1']}: the call comes in on trunk "
             "'pbx1'", "the source"),
            (r"rules 'de': rule.0 '^0([1-9]\d+)$' => '+49$1': 030123 becomes +4930123",
             "the rule of the dial plan"),
            ("trunk 'pbx1' has 1 usages by profile 'trunk:pbx1'", "the usages"),
            (r"  route 'first' (priority 0) matches by '^\+49\d+$'", "the route"),
            ("    trunk 'off' is not enabled", "a trunk passed over, and why"),
            ("    trunk 'gw1' is candidate 1", "the candidates"),
            (r"rules 'out': rule.0 '^\+49(\d+)$' => '0$1': +4930123 becomes 030123",
             "the trunk's rule"),
            (f"sent to trunk 'gw1' at sip:127.0.0.1:{gw1.port};transport=udp", "where it went")):
        t.ok(step in steps, f"{what}: {steps if step not in steps else 'told'}")

    # a trunk fails, the other is busy
    sent = call()
    call_id = sent.get("Call-ID")
    gw1.reply(gw1.expect("INVITE", call_id=call_id), 503, "Service Unavailable")
    gw1.expect("ACK", call_id=call_id)
    gw2.reply(gw2.expect("INVITE", call_id=call_id), 486, "Busy Here")
    gw2.expect("ACK", call_id=call_id)
    pbx1.expect(486, call_id=call_id)
    one = told(call_id)
    t.equal(([(a["trunk"], a["code"]) for a in one["attempts"]], one["code"]),
            ([("gw1", 503), ("gw2", 486)], 486), "each attempt, in another process")
    t.equal([s for s in one["steps"] if s.startswith(("sent", "trunk 'gw"))],
            [f"sent to trunk 'gw1' at sip:127.0.0.1:{gw1.port};transport=udp", "trunk 'gw1': 503",
             f"sent to trunk 'gw2' at sip:127.0.0.1:{gw2.port};transport=udp", "trunk 'gw2': 486"],
            "step by step")

    # all have failed: a timer, and 503
    call_id = call().get("Call-ID")
    gw2.reply(gw2.expect("INVITE", call_id=call_id), 503, "Service Unavailable")
    pbx1.expect("final", call_id=call_id)
    one = told(call_id)
    t.equal([(a["trunk"], a["code"]) for a in one["attempts"]], [("gw1", 408), ("gw2", 503)],
            "a timer")
    t.ok("trunk 'gw1': 408, a timer" in one["steps"], "said so")
    t.equal((one["code"], one["diagnostic"]), (503, 12000), "the answer is our own")
    t.like(one["reason"], "no trunk left", "and has a reason")

    # cancelled
    sent = call()
    call_id = sent.get("Call-ID")
    got = gw1.expect("INVITE", call_id=call_id)
    gw1.reply(got, 180, "Ringing")
    pbx1.expect(180, call_id=call_id)
    pbx1.send([f"CANCEL {sent.uri} SIP/2.0", f"Via: {sent.get('Via')}", f"From: {sent.get('From')}",
               f"To: {sent.get('To')}", f"Call-ID: {call_id}", "CSeq: 1 CANCEL",
               "Max-Forwards: 70"], to=trunks.address("pbx1"))
    gw1.reply(gw1.expect("CANCEL", call_id=call_id), 200, "OK")
    gw1.reply(got, 487, "Request Terminated")
    pbx1.expect(487, call_id=call_id)
    one = told(call_id)
    t.equal(one["code"], 487, "cancelled")
    t.ok("trunk 'gw1': 487, the caller gave up" in one["steps"], "by whom")

    # refused
    for number, code, why in (("bob", 484, "no number is called"), ("5", 484, "no rule"),
                              ("+15", 404, "no route"), ("+441", 482, "leads back"),
                              ("+331", 503, "no trunk of theirs")):
        call_id = call(number).get("Call-ID")
        t.equal(pbx1.expect("final", call_id=call_id).status, code, f"{number}: {code}")
        one = told(call_id)
        t.ok(one["code"] == code and why in one["reason"] and one["attempts"] == []
             and len(one["steps"]) > 0, f"with its reason: {one}")
    stranger = SipPeer(t, "udp", user="s", host="127.0.0.77")
    sent = stranger.request("INVITE", f"sip:+49@127.0.0.1:{trunks.local['pbx1']}",
                            trunks.address("pbx1"), number="9000", sdp=sdp(30000),
                            call_id='x"\\{}\xff')
    stranger.expect("final", call_id=sent.get("Call-ID"))
    lines = trunks.lines("mediation explain {", "127.0.0.77")
    one = json.loads(lines[0].split("mediation explain ")[1])
    t.equal((one["code"], one["trunk"], one["callid"].startswith('x"\\{}')), (403, "", True),
            "a stranger's, whose Call-ID is no JSON")
    t.ok(all(31 < ord(c) < 127 for c in lines[0]), "and the line has plain characters alone")

    # one whose branch is dropped: there is no policy listener
    call_id = call("+551").get("Call-ID")
    t.equal(pbx1.expect("final", call_id=call_id).status, 503, "media that cannot be: 503")
    one = told(call_id)
    t.equal((one["code"], one["attempts"]), (503, []), "told with the answer, and not as tried")
    t.ok(any(s.startswith("sent to trunk 'safe'") for s in one["steps"])
         and "policy listener" in one["steps"][-1] + one["reason"], f"why: {one}")

    # without the flag, and too much to tell
    call_id = call(calling="1000").get("Call-ID")
    gw1.reply(gw1.expect("INVITE", call_id=call_id), 486, "Busy Here")
    pbx1.expect(486, call_id=call_id)
    t.equal(trunks.lines("mediation explain {", call_id), [], "no flag, no line")
    trunks.redis.load({f"med:1:route:r{n:03}": {
        "pattern": r"^\+47\d+$", "usages": "all", "trunks": "off"} for n in range(100)})
    wait_for("many routes", lambda: "total: 105" in trunks.kamailio.rpc("mediation.routes"))
    call_id = call("+471").get("Call-ID")
    pbx1.expect("final", call_id=call_id)
    one = told(call_id)
    t.equal(one["steps"][-1], "... and more", "what is too long is cut, and shows it")
    t.ok(len(trunks.lines("mediation explain {", call_id)[0]) < 8400, "to 8 kB")
    t.equal(trunks.alarms(), [], "nothing critical was logged")

    # to one of our own users
    sent = call("077")
    call_id = sent.get("Call-ID")
    phone.reply(phone.expect("INVITE", call_id=call_id), 486, "Busy Here")
    pbx1.expect(486, call_id=call_id)
    one = told(call_id)
    t.equal((one["trunk"], one["called"], one["code"]), ("pbx1", "+4977", 486), "to a user")
    t.equal(one["steps"][-2:], ["the script has it ring at one of our own users",
                                "sent to the user +4977"], "where it went")
    t.equal(one["attempts"], [], "by no trunk")
