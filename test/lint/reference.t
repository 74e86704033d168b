#!/usr/bin/python3
"""The module's reference (modules/mediation/doc): it has what the code has, no more and no
less, with the code's defaults; Kamailio takes its examples; the README is made from it."""

import os
import re
import subprocess
import tempfile
import xml.etree.ElementTree as tree

from kamailio import modules
from lint import Lint, code, read
from sandbox import BUILD, TOP

DOC = "modules/mediation/doc/mediation_admin.xml"
HERE = "modules/mediation/"
# What an example is a part of: kamailio.cfg's modules and the routes it has by name.
AROUND = f"""\
loadmodule "{{modules}}acc.so"
include_file "{TOP}/kamailio-cfg/kamailio.cfg"
"""

lint = Lint()
chapter = tree.fromstring(read(DOC))
sections = {s.get("id"): s for s in chapter.iter("section")}


def described(letter):
    return {name.removeprefix(f"mediation.{letter}.") for name in sections
            if name.startswith(f"mediation.{letter}.")}


def examples(section):
    return ["".join(e.find("programlisting").itertext()) for e in section.findall("example")]


def compare(what, letter, names):
    lint.rule(f"the reference has the {what}, and no other",
              [f"{DOC}: no section mediation.{letter}.{n}" for n in sorted(names - described(letter))]
              + [f"{DOC}: mediation.{letter}.{n}: the code has none" for n in
                 sorted(described(letter) - names)] + ([] if names else [f"no {what} in the code"]))


def names(file, pattern):
    return set(re.findall(pattern, read(HERE + file), flags=re.S))


parameters = dict(re.findall(r'\{"(\w+)", PARAM_\w+, &(\w+)\}', read(HERE + "mediation_mod.c")))
compare("parameters", "p", set(parameters))
compare("functions", "f", names("med_script.c", r'\{"(\w+)", w_\w+,'))
table = re.search(r"med_pv_names\[MED_PV_COUNT\] = \{(.*?)\};", read(HERE + "med_pv.c"), re.S)
compare("variables", "v", set(re.findall(r'"(\w+)"', table[1])))
compare("RPC commands", "r", names("med_rpc.c", r'\{"mediation\.(\w+)",'))
compare("statistics", "s", names("med_stats.c", r'\[MED_STAT_\w+\] = \{"(\w+)"'))
compare("event routes", "e", {
    name for file in sorted(os.listdir(os.path.join(TOP, HERE))) if file.endswith(".c")
    for name in names(file, r'route_lookup\(&event_rt, "mediation:([\w-]+)"\)')}
    | names("med_probe.c", r'"mediation:([\w-]+)"'))

events = {name for file in sorted(os.listdir(os.path.join(TOP, HERE))) if file.endswith(".c")
          for call in names(file, r"med_event\(([^,;]*),") for name in re.findall(r'"(\w+)"', call)}
listed = read(HERE + "README.md").split("**Events**")[1].split("\n\n")[0]
lint.rule("README.md has each event", [f"{HERE}README.md: Events: no `{name}`"
                                       for name in sorted(events) if f"`{name}`" not in listed]
          + ([] if events else ["no events in the code"]))

wrong = []
defaults = dict(re.findall(r"(\w+) = ([^;]+);", code(HERE + "med_params.c")))
texts = dict(re.findall(r'(\w+) = "([^"]*)";', read(HERE + "med_params.c")))
for name, variable in parameters.items():
    if f"mediation.p.{name}" not in sections:
        continue  # told above
    said = re.search(r"Default value is (.*)\.$", "\n".join(
        " ".join("".join(e.itertext()).split())
        for e in sections[f"mediation.p.{name}"].iter("emphasis")), re.M)
    value = texts.get(variable) or defaults.get(variable, "")
    if not said:
        wrong.append(f"{DOC}: mediation.p.{name}: no 'Default value is ...'")
    elif re.match(r"-?\d|\w", value) and value not in ("NULL",) and not said[1].startswith(value):
        wrong.append(f"{DOC}: mediation.p.{name}: default '{said[1]}', the code has '{value}'")
lint.rule("the reference has the code's defaults", wrong)
lint.rule("everything in the reference has an example", [
    f"{DOC}: {name}: no example" for name, section in sections.items()
    if re.match(r"mediation\.[pfvrse]\.", name) and not examples(section)])


def check(name, text):
    """Does Kamailio take an example, after a whole configuration?"""
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(AROUND.format(modules=modules()) + text)
        file.flush()
        done = subprocess.run(
            ["kamailio", "-c", "-f", file.name, "-L", f"{BUILD}/:{modules()}", "-x", "fm",
             "-X", "fm"], capture_output=True, text=True, timeout=30, check=False)
    return [f"{DOC}: {name}: {line}" for line in done.stderr.splitlines()
            if "CRITICAL" in line or "ERROR" in line] or (
                [f"{DOC}: {name}: {done.stderr[-300:]}"] if done.returncode else [])


lint.rule("Kamailio takes the examples of the parameters", check("parameters", "\n".join(
    text for name in parameters if f"mediation.p.{name}" in sections
    for text in examples(sections[f"mediation.p.{name}"]))))
lint.rule("Kamailio takes the other examples", [
    finding for name, section in sections.items() for text in examples(section)
    if re.match(r"mediation\.[fve]\.", name) for finding in check(name, text)])
lint.rule("and it would tell of a wrong one", [] if check("wrong", "route[X] { med_none(); }")
          else ["an example with a function that is not there was taken"])

with tempfile.TemporaryDirectory() as folder:
    made = os.path.join(folder, "README")
    subprocess.run(["make", "-s", "-C", TOP, "reference", f"REFERENCE={made}"], check=True)
    with open(made, encoding="utf-8") as file:
        # Hosts' versions of the tools break lines in other places.
        lint.rule("modules/mediation/README is the reference", [] if file.read().split()
                  == read(HERE + "README").split() else [
                      f"{HERE}README: not as {DOC} is: 'make reference' writes it"])
lint.done()
