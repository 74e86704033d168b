#!/usr/bin/python3
"""A number's phone-context says whose dial plan it is of; its extension goes along."""

import re

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}

with Case(plan=37) as t:
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "dial_plan": "own"},
        "gw1": {**PLAIN, "user_phone": "no"},
        "plain": {**PLAIN, "user_phone": "no", "extensions": "no"},
        "uk": {**PLAIN, "remove_plus_from_uri": "yes", "phone_context": "enterprise"},
    }, routes={
        "all": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
        "us": {"pattern": r"^\+1\d+$", "trunks": "plain"},
        "uk": {"pattern": r"^\+44\d+$", "trunks": "uk"},
        "hidden": {"pattern": r"^\+33\d+$", "trunks": "gw1", "suppress_caller_id": "yes",
                   "alternate_caller_id": "+4989000;ext=77"},
    }, rules={"own": [r"^(\d{4})$ => +4930$1"], "redmond": [r"^(\d{4})$ => +4940$1"]})
    pbx1 = trunks.pbx1
    trunks.redis.hset("med:1:rules:redmond", simple_name="Redmond")
    wait_for("the name", lambda: "Redmond" in trunks.kamailio.rpc("mediation.rules", "redmond"))

    def user(uri):
        return re.search(r"^sip:([^@]*)@", uri)[1]

    def of(got, name):
        return user(re.search(r"<([^>]+)>", got.get(name))[1])

    def comes(dialled, callee="gw1", uri=None, **more):
        sent = pbx1.request("INVITE", uri or f"sip:{dialled}@127.0.0.1:{trunks.local['pbx1']}",
                            trunks.address("pbx1"), sdp=sdp(30000), **more)
        got = trunks.peers[callee].expect("INVITE", call_id=sent.get("Call-ID"))
        trunks.peers[callee].reply(got, 486, "Busy Here")
        final = pbx1.expect(486, call_id=sent.get("Call-ID"))
        t.equal((final.get("From"), re.sub(";tag=.*", "", final.get("To"))),
                (sent.get("From"), sent.get("To")), f"{dialled}: the caller sees its own")
        return got

    for dialled, number in (
            ("1000", "+49301000"), ("1000;phone-context=Redmond", "+49401000"),
            ("1000;phone-context=enterprise", "+49301000"),
            ("1000;phone-context=dialstring", "+49301000"),
            ("1000;phone-context=nowhere.example", "+49301000"),
            ("301234;phone-context=+49", "+49301234"), ("+49301;phone-context=Redmond", "+49301"),
            ("+49301;ext=104", "+49301;ext=104"), ("1000;ext=1-04;phone-context=Redmond", "+49401000;ext=104"),
            ("+49301;ext=" + "1" * 17, "+49301"), ("+49301;ext=abc", "+49301")):
        got = comes(dialled)
        t.equal((user(got.uri), of(got, "To")), (number, number), f"{dialled}: {number}")
    got = comes("as parameters", uri=f"sip:1000@127.0.0.1:{trunks.local['pbx1']}"
                ";phone-context=Redmond;user=phone;ext=5")
    t.equal(user(got.uri), "+49401000;ext=5", "of the URI, as well")
    for uri, number in (("tel:+49-30-1000", "+49301000"), ("tel:1000;phone-context=Redmond", "+49401000"),
                        ("tel:+49301;ext=104", "+49301;ext=104")):
        got = comes(uri, uri=uri)
        t.equal((user(got.uri), of(got, "To")), (number, number), f"{uri}: {number}")
    got = comes("+12345;ext=104", "plain")
    t.equal((user(got.uri), of(got, "To")), ("+12345", "+12345"), "extensions no: it ends here")
    got = comes("+44123;ext=104", "uk", from_header="<sip:+4989;ext=9@x.example>;tag=f")
    t.equal((user(got.uri), of(got, "From"), of(got, "P-Asserted-Identity")),
            ("44123;ext=104;phone-context=enterprise", "4989;ext=9;phone-context=enterprise", "4989;ext=9"),
            "before a phone-context; the caller's, too")
    got = comes("+331;ext=4", from_header="<sip:+4989;ext=9@x.example>;tag=g")
    t.equal((user(got.uri), of(got, "From"), of(got, "P-Asserted-Identity")),
            ("+331;ext=4", "+4989000;ext=77", "+4989000;ext=77"),
            "a suppressed caller shows the route's, not its own")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
