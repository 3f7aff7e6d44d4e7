#!/usr/bin/env python3
"""The project's own rules (docs/architecture.md) as a test. `tidy.py` judges the tree; `tidy.py --self-test` feeds each rule a
bad sample and fails if the rule is silent."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOORS = {"base": 0, "sip": 1, "dns": 1, "dhcp": 1, "transaction": 2, "location": 2, "resolver": 2, "auth": 2, "registrar": 3,
          "proxy": 3, "ringing": 3, "delivery": 3, "calls": 3, "central": 3, "nameserver": 3, "switching": 3, "branch_device": 4,
          "agent": 4}
FILE_LINES = 400
FUNCTION_LINES = 70
FORBIDDEN_IN_CORE = [
    (r"\bnow\(\)", "reads a clock"), (r"\b(std::)?rand\(|random_device|mt19937", "draws a number"), (r"\bsleep(_for|_until)?\(", "sleeps"),
    (r"\bthrow\b", "throws"), (r"std::(jthread|thread|mutex|async|atomic)", "knows threads"), (r"\bco_(await|return|yield)\b", "is a coroutine"),
    (r'#include <(boost/asio|boost/beast|sqlite3|openssl/ssl|sys/socket|sys/epoll|iostream|thread|mutex)', "includes what only the shell may"),
]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
FUNCTION_START = re.compile(r"^(?:[\w:<>,&*\s~\[\]=]+)\([^;]*\)[^;{]*\{\s*$|^(?:[\w:<>,&*\s~]+)\([^;]*$")


def strip_comments(text):
    return re.sub(r'//[^\n]*|/\*.*?\*/', "", text, flags=re.S)


def includes_up(path, text):
    """A folder of core includes only lower floors; core includes nothing of the bodies."""
    folder = path.parts[2]
    for include in re.findall(r'#include "([^"]+)"', text):
        other = include.split("/")[0]
        if other == folder or other in FLOORS and FLOORS[other] < FLOORS[folder]:
            continue
        yield f"includes {include}, which is no lower floor"


def forbidden_in_core(path, text):
    code = strip_comments(text)
    for pattern, why in FORBIDDEN_IN_CORE:
        if path.name != "time.hpp" and re.search(pattern, code):
            yield f"{why}: /{pattern}/"


def too_long(path, text):
    lines = text.splitlines()
    if len(lines) > FILE_LINES:
        yield f"has {len(lines)} lines, {FILE_LINES} are allowed"
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and line and not line[0].isspace() and line[0] not in "#/}{" and "(" in line and not line.startswith(("namespace", "struct", "class", "enum", "TEST")):
            start = number
        if line.startswith("}") or (start == number and line.rstrip().endswith((";", "}"))):
            if start is not None and number - start > FUNCTION_LINES:
                yield f"line {start}: function of {number - start} lines, {FUNCTION_LINES} are allowed"
            start = None


def unfinished(path, text):
    for match in UNFINISHED.finditer(text):
        yield f"holds {match.group(0)}"


def facts(text):
    """Names of the facts that minds note and that the shell writes."""
    return set(re.findall(r'\b(?:note|write)\(\s*\{\s*"([a-z0-9_]+)"', text))


def check_facts(sources, documented):
    used = set()
    for text in sources:
        used |= facts(text)
    for name in sorted(used - documented):
        yield f"fact {name} is not in docs/log-events.md"
    return used


def tracked(*patterns):
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
                            capture_output=True, text=True, check=True).stdout.split()
    return [pathlib.Path(name) for name in listed if (ROOT / name).exists()]


def judge():
    findings = []
    sources = {path: (ROOT / path).read_text() for path in tracked("src/*.cpp", "src/*.hpp")}
    for path, text in sources.items():
        rules = [unfinished]
        if not path.stem.endswith("_test"):
            rules.append(too_long)
        if path.parts[1] == "core":
            rules.append(includes_up)
            if not path.stem.endswith(("_test", "_bench")):
                rules.append(forbidden_in_core)
        for rule in rules:
            findings += [f"{path}: {what}" for what in rule(path, text)]
    for folder in sorted({path.parent for path in sources}):
        if not (ROOT / folder / "README.md").exists() and folder != pathlib.Path("src/core"):
            findings.append(f"{folder}: has no README.md")
    everything = "\n".join(sources.values())
    for path in sources:
        if path.suffix == ".hpp" and f'{path.parent.name}/{path.name}"' not in everything:
            findings.append(f"{path}: no file includes it")
    events = ROOT / "docs/log-events.md"
    documented = set(re.findall(r"^\| `([a-z0-9_]+)`", events.read_text(), flags=re.M)) if events.exists() else set()
    used = set()
    for path, text in sources.items():
        if not path.stem.endswith("_test"):
            used |= facts(text)
    findings += [f"docs/log-events.md: fact {name} is missing" for name in sorted(used - documented)]
    findings += [f"docs/log-events.md: fact {name} is noted nowhere" for name in sorted(documented - used)]
    return findings


def self_test():
    core = pathlib.Path("src/core/sip/x.cpp")
    samples = [
        (includes_up, core, '#include "proxy/proxy.hpp"'), (includes_up, core, '#include "dns/name.hpp"'),
        (includes_up, core, '#include "shell/net/worker.hpp"'),
        (forbidden_in_core, core, "auto t = steady_clock::now();"), (forbidden_in_core, core, "int n = rand();"),
        (forbidden_in_core, core, "throw 1;"), (forbidden_in_core, core, "std::mutex m;"), (forbidden_in_core, core, "co_await x;"),
        (forbidden_in_core, core, "#include <boost/asio.hpp>"), (forbidden_in_core, core, "sleep(1);"),
        (too_long, core, "\n" * 401), (too_long, core, "void f() {\n" + "  g();\n" * 80 + "}\n"), (unfinished, core, "// TODO: later"),
    ]
    silent = [f"{rule.__name__} is silent about {text[:40]!r}" for rule, path, text in samples if not list(rule(path, text))]
    good = [(includes_up, core, '#include "base/time.hpp"'), (forbidden_in_core, core, "// never throw here"), (too_long, core, "void f() {\n}\n")]
    silent += [f"{rule.__name__} complains of {text!r}" for rule, path, text in good if list(rule(path, text))]
    if facts('outbox.note({"binding_added", {}})') != {"binding_added"}:
        silent.append("facts() finds no fact")
    return silent


if __name__ == "__main__":
    problems = self_test() if sys.argv[1:] == ["--self-test"] else judge()
    print("\n".join(problems) or "tidy: clean")
    sys.exit(1 if problems else 0)
