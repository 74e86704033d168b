"""Prometheus's text form, read strictly: what is wrong with it is a Failure with its line.

    families = metrics.parse(text)        # {name: Family}
    families["x_total"].value(trunk="gw1")
"""

import math
import re

from sandbox import Failure

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?$|[+-]Inf$|NaN$")
ESCAPES = {"\\": "\\", "n": "\n", '"': '"'}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


class Family:
    """`kind`, `help`, and `samples`: [(suffix, {label: value}, number)]."""

    def __init__(self, name, text):
        self.name, self.help, self.kind, self.samples = name, text, None, []

    def value(self, suffix="", **labels):
        """The one sample with just these labels; None: there is none."""
        for name, found, number in self.samples:
            if name == suffix and found == labels:
                return number
        return None


def _text(line, at, closing=None):
    """A text with its escapes undone, up to the closing quote or the end."""
    out = ""
    while at < len(line):
        if line[at] == closing:
            return out, at + 1
        if line[at] == "\\":
            at += 1
            if at == len(line) or line[at] not in ESCAPES or (closing is None
                                                              and line[at] == '"'):
                raise Failure(f"no such escape: {line}")
            out += ESCAPES[line[at]]
        else:
            out += line[at]
        at += 1
    if closing:
        raise Failure(f"a quote is not closed: {line}")
    return out, at


def _labels(line, at):
    found = {}
    while line[at:at + 1] != "}":
        name = LABEL.match(line, at)
        if not name or line[name.end():name.end() + 2] != '="':
            raise Failure(f"not a label at {at}: {line}")
        if name[0] in found:
            raise Failure(f"label {name[0]} twice: {line}")
        found[name[0]], at = _text(line, name.end() + 2, '"')
        if line[at:at + 1] == ",":
            at += 1
        elif line[at:at + 1] != "}":
            raise Failure(f"labels are not closed: {line}")
    return found, at + 1


def _sample(line):
    name = NAME.match(line)
    if not name:
        raise Failure(f"no name: {line}")
    labels, at = _labels(line, name.end() + 1) if line[name.end():][:1] == "{" else (
        {}, name.end())
    if line[at:at + 1] != " " or not NUMBER.match(line[at + 1:]):
        raise Failure(f"no number after one space: {line}")
    return name[0], labels, float(line[at + 1:])


def _histogram(family):
    """Buckets rise up to +Inf, which is the count; bounds rise too."""
    series = {}
    for suffix, labels, number in family.samples:
        key = tuple(sorted((n, v) for n, v in labels.items() if n != "le"))
        if suffix == "_bucket":
            series.setdefault(key, []).append((float(labels["le"]), number))
    for key, buckets in series.items():
        count = family.value("_count", **dict(key))
        if (buckets != sorted(buckets) or buckets[-1][0] != math.inf
                or [n for _, n in buckets] != sorted(n for _, n in buckets)
                or buckets[-1][1] != count or family.value("_sum", **dict(key)) is None):
            raise Failure(f"{family.name} {dict(key)}: {buckets}, count {count}")


def _begin(line, families, current):
    """A HELP begins a family, TYPE follows it."""
    word = re.match(r"# (HELP|TYPE) (\S+) (.*)$", line)
    if not word or not NAME.fullmatch(word[2]):
        raise Failure(f"neither HELP nor TYPE: {line}")
    if word[1] == "HELP":
        if word[2] in families:
            raise Failure(f"twice: {line}")
        families[word[2]] = Family(word[2], _text(word[3], 0)[0])
        return families[word[2]]
    if not current or current.name != word[2] or current.kind or word[3] not in SUFFIXES:
        raise Failure(f"not the TYPE of the family before it: {line}")
    current.kind = word[3]
    if (current.kind == "counter") != current.name.endswith("_total"):
        raise Failure(f"counters, and they alone, end in _total: {line}")
    return current


def parse(text):
    if not text.endswith("\n"):
        raise Failure(f"the last line does not end: {text[-80:]!r}")
    families, current, seen = {}, None, set()
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            current = _begin(line, families, current)
            continue
        name, labels, number = _sample(line)
        if not current or not current.kind or not name.startswith(current.name) or name[
                len(current.name):] not in SUFFIXES[current.kind]:
            raise Failure(f"not of the family before it: {line}")
        key = (name, *sorted(labels.items()))
        if key in seen:
            raise Failure(f"twice: {line}")
        seen.add(key)
        current.samples.append((name[len(current.name):], labels, number))
    for family in families.values():
        if family.kind == "histogram":
            _histogram(family)
    return families
