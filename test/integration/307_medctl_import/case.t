#!/usr/bin/python3
"""medctl import: a file to apply, and a report of what became of everything."""

from case import Case
from medctl import Medctl
from redis import RedisServer

POLICY = ('<VoicePolicy xmlns="urn:schema:Microsoft.Rtc.Management.Policy.Voice.2008" '
          'EnableDelegation="true"><PstnUsage>Local</PstnUsage></VoicePolicy>')

with Case(plan=14) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis)
    t.write("Tag_Desk.xml", POLICY)
    t.write("bad.xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>")

    done = medctl("import", "Tag_Desk.xml", "--scope", "Tag:Desk")
    t.equal(done.code, 0, "import")
    t.like(done.out, r"^# .*Tag_Desk.xml.*\n\[policy \S*[Dd]esk\S*\]\n(.*\n)*usages = Local",
           "the file is on standard output")
    t.like(done.err, r"\d+ objects; \d+ carried, \d+ changed, \d+ left out", "the report on stderr")
    t.like(done.err, "EnableDelegation", "names what has no place here")
    done = medctl("import", "Tag_Desk.xml", "--scope", "Tag:Desk", "-o", "out.conf", "--report",
                  "report.txt")
    t.equal((done.code, done.out, done.err), (0, "", ""), "both into files")
    t.equal(medctl("apply", "--yes", "out.conf").code, 0, "which is applied as it is")
    t.ok(redis.command("KEYS", "med:1:policy:*"), "and is there")
    found = medctl("import", "Tag_Desk.xml", "--scope", "Tag:Desk", "-o", "out.conf", "--json",
                   "--report", "report.json")
    t.equal(found.code, 0, "a report as JSON")
    with open(t.path("report.json"), encoding="utf-8") as file:
        t.like(file.read(), r'^\[\{"note":"(carried|changed|left)","where":"', "with every note")

    done = medctl("import", "bad.xml", "Tag_Desk.xml", "--scope", "Tag:Desk")
    t.equal(done.code, 1, "a file that is refused: exit 1")
    t.like(done.err, "^bad.xml: .*DOCTYPE", "and why")
    t.like(done.out, r"\[policy ", "the others are imported")
    t.equal(medctl("import", "gone.xml").code, 3, "a file that is not there: exit 3")
    t.equal(medctl("import").code, 2, "no file: exit 2")
