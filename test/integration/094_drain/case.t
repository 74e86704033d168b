#!/usr/bin/python3
"""Trunks drained and off: calls that are up go on; calls that nobody ends run out of their limits."""

from case import Case
from sandbox import TOP, wait_for
from sip import sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "1000"}
PROBED = {**PLAIN, "options_interval_s": "1", "options_down_interval_s": "1"}


def config(sandbox):
    """kamailio.cfg; calls are counted for five seconds, and no more than 64 of them."""
    files = []
    for name in ("kamailio.cfg", "mediation.cfg"):
        with open(f"{TOP}/kamailio-cfg/{name}", encoding="utf-8") as file:
            files.append(file.read())
    mediation = files[1].replace('loadmodule "mediation.so"', 'loadmodule "mediation.so"\n'
                                 'modparam("mediation", "limit_lease", 5)\n'
                                 'modparam("mediation", "limit_calls", 64)\n')
    # A script that has its own opinion on a call that was counted already.
    mediation = mediation.replace('\tmed_relay("MED");\n\texit;', (
        '\tif ($rU == "+4999") { sl_send_reply("403", "Mine"); exit; }\n'
        '\tmed_relay("MED");\n\texit;'))
    return sandbox.write("drain.cfg", files[0].replace('include_file "mediation.cfg"\n', mediation)
                         .replace('include_file "', f'include_file "{TOP}/kamailio-cfg/'))


with Case(plan=21) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PROBED, "gw2": PLAIN}, config=config(t),
                    routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1*0,gw2*0"},
                            "pbx": {"pattern": r"^\+1\d+$", "trunks": "pbx1"}})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    def admin(state, **more):
        trunks.redis.hset("med:1:trunk:gw1", admin_state=state, **more)
        wait_for("that to be in force", lambda: f"admin_state: {state}" in
                 trunks.kamailio.rpc("mediation.trunks", "gw1"))

    def refused(caller, number):
        sent = trunks.call(caller, number, sdp=sdp(30000))
        return trunks.peers[caller].expect("final", call_id=sent.get("Call-ID"))

    trunks.redis.hset("med:1:limits:trunk:gw1", max_calls="9")
    trunks.redis.hset("med:1:limits:trunk:pbx1", max_calls="80")
    wait_for("limits", lambda: trunks.kamailio.rpc("mediation.limits").count("calls_up_in") == 2)

    def up(name="gw1"):
        text = trunks.kamailio.rpc("mediation.trunks", name).split("calls_up: ")[1]
        return int(text.split()[0])

    # Drained: what is up goes on, in both directions; nothing new comes or goes.
    sent, got, final = trunks.answered("pbx1", "gw1", "+4930", sdp(30000), sdp(31000))
    turned = Turned(got, final)
    admin("drain")
    t.equal(up(), 1, "how many calls are left")
    new = trunks.call("pbx1", "+4931", sdp=sdp(30000))
    gw2.reply(gw2.expect("INVITE", call_id=new.get("Call-ID")), 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=new.get("Call-ID")).status, 486, "a new call goes elsewhere")
    back = refused("gw1", "+15")
    t.equal(back.status, 503, "one that comes from it is refused")
    t.like(back.get("Reason"), "trunk 'gw1' is being drained", "and told why")
    t.like(trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "+4930"),
           "trunk 'gw1' is being drained", "explain knows")
    t.like(trunks.kamailio.rpc("mediation.explain", "gw1", "-", "+15"),
           "a new call from it is refused", "of both directions")
    gw1._pending.clear()
    t.ok(gw1.expect("OPTIONS"), "it is still asked whether it is there")
    again = pbx1.reinvite(sent, final, sdp=sdp(30002))
    offer = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    gw1.reply(offer, 200, "OK", sdp=sdp(31002))
    pbx1.expect(200, call_id=sent.get("Call-ID"))
    pbx1.ack(again, final)
    t.ok(gw1.expect("ACK", call_id=sent.get("Call-ID")), "a re-INVITE within the call passes")
    gw1.bye(turned, turned, cseq=101)
    pbx1.reply(pbx1.expect("BYE"), 200, "OK")
    t.equal(up(), 0, "its BYE too: none is left")

    admin("off")
    t.equal(refused("gw1", "+15").status, 403, "off: nobody we know")
    trunks.redis.hset("med:1:trunk:gw1", enabled="no")
    admin("on")
    t.equal(refused("gw1", "+15").status, 403, "enabled no is off, whatever admin_state says")
    admin("on", enabled="yes")
    wait_for("it to be enabled", lambda: "candidate 1" in
             trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "+4930"))
    sent, got, final = trunks.answered("pbx1", "gw1", "+4930", sdp(30000), sdp(31000))
    t.equal(up(), 1, "on again")

    # Nobody ends it.
    wait_for("its time to be over", lambda: up() == 0)
    t.ok(trunks.lines("1 calls are no longer counted"), "a call without a BYE runs out, which is told")
    pbx1.bye(sent, final)
    gw1.reply(gw1.expect("BYE"), 200, "OK")
    pbx1.expect(200, call_id=sent.get("Call-ID"))
    t.equal((up(), up("pbx1")), (0, 0), "and its BYE, which comes at last, gives back nothing")

    # The script refuses a call that is counted.
    t.equal(refused("pbx1", "+4999").status, 403, "the script's own no")
    wait_for("it to be given back", lambda: up("pbx1") == 0)
    t.ok(True, "is given back too")

    # More calls than there is room for.
    for number in range(80):
        trunks.call("pbx1", f"+49{number}", sdp=sdp(30000))
    t.like(pbx1.expect(503).get("Reason"), "no room to count one more call", "the table is full")
    t.ok(trunks.lines("limit_calls 64 is too little"), "which is told")
    t.ok(up("pbx1") <= 64, "no more are counted")
    wait_for("all to be given back", lambda: up("pbx1") == 0 and up() == 0)
    t.ok(True, "unanswered: all given back")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
