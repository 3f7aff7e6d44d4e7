#!/usr/bin/env python3
"""The project's own rules (docs/architecture.md) as a test. `tidy.py` judges the tree; `self_test.py` feeds each rule bad samples.
A rule takes the tree, a dictionary from path to text, and yields findings."""
import pathlib
import posixpath
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BODIES = {"core": {"core"}, "shell": {"core", "shell"}, "sim": {"core", "sim"}, "app": {"core", "shell", "sim", "app"}}
FILE_LINES = 400
FUNCTION_LINES = 70
FORBIDDEN_IN_CORE = [
    (r"\bnow\(\)|\b(system|steady|high_resolution)_clock\b|\bclock_gettime\b|\bgettimeofday\b|\btime\((nullptr|NULL|0)\)", "reads a clock"),
    (r"\brand(om)?\(|\brandom_device\b|\bmt19937|\bgetrandom\b", "draws a number"), (r"\b(u|nano)?sleep(_for|_until)?\(", "sleeps"),
    (r"\bthrow\b", "throws"), (r"\bstd::(jthread|thread|mutex|shared_mutex|async|atomic|condition_variable)\b", "knows threads"),
    (r"\bco_(await|return|yield)\b", "is a coroutine"),
    (r"#include <(boost/asio|boost/beast|spdlog|toml|CLI|sqlite3|openssl/(ssl|bio)|sys/|netinet/|unistd|poll|iostream|thread|mutex|atomic)",
     "includes what only the shell may"),
]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SOMEONES_MACHINE = re.compile(r"(?<![\w.$}/*])/(home|root|workspace|Users|tmp/\w)\b/?")
NO_FUNCTION = re.compile(r"\b(namespace|class|struct|union|enum)\b|\bextern \"C\"")


def without_comments(text):
    """The code with comments and the contents of strings blanked, line breaks kept."""
    pattern = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/'

    def blank(match):
        found = match.group(0)
        return '""' if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)
    return re.sub(pattern, blank, text, flags=re.S)


def sources(tree, under="src/"):
    return {path: text for path, text in tree.items() if path.startswith(under) and path.endswith((".cpp", ".hpp"))}


def is_test(path):
    return path.endswith(("_test.cpp", "_bench.cpp", "bench_test.hpp", "test_bench.hpp"))


def floors(tree):
    """From CMakeLists.txt: what each folder of the core may see, itself and all below."""
    lines = re.findall(r"^ringhold_core\((\w+)([\w\s]*)\)", tree.get("CMakeLists.txt", ""), flags=re.M)
    seen = {}
    for name, below in lines:
        seen[name] = {name}.union(*(seen.get(one, {one}) for one in below.split()))
    return seen


def includes_go_down(tree):
    """A folder of the core includes what its line in CMakeLists.txt reaches, a body never the other one."""
    allowed = floors(tree)
    for path, text in sources(tree).items():
        _, body, folder = path.split("/")[:3]
        for include in re.findall(r'^\s*#include "([^"]+)"', text, flags=re.M):
            other = include.split("/")[0]
            if body == "core":
                fine = other in allowed.get(folder, ())
            else:
                fine = other in BODIES[body] or other in allowed
            if not fine:
                yield f"{path}: includes {include}, which stands on no lower floor"


def core_is_pure(tree):
    for path, text in sources(tree, "src/core/").items():
        if not is_test(path):
            code = without_comments(text)
            yield from (f"{path}: {why}: /{pattern}/" for pattern, why in FORBIDDEN_IN_CORE if re.search(pattern, code))


def functions(text):
    """(line, lines) of each outermost function."""
    code = re.sub(r"^[ \t]*#[^\n]*", "", without_comments(text), flags=re.M)
    stack, head_start, closed = [], 0, ("other", 0)
    for brace in re.finditer(r"[{};]", code):
        if brace.group() == "{":
            head = code[head_start:brace.start()]
            inside = any(kind == "function" for kind, _ in stack)
            kind = "function" if "(" in head and not NO_FUNCTION.search(head) and not inside else "other"
            start = head_start + len(head) - len(head.lstrip())
            if closed[0] == "function" and re.match(r"\s*(,|$)", head):  # a constructor: b_{b}, c_{c} {
                kind, start = closed
            stack.append((kind, start))
            closed = ("other", 0)
        elif brace.group() == ";":
            closed = ("other", 0)
        elif stack:
            kind, start = closed = stack.pop()
            if kind == "function":
                line = code.count("\n", 0, start) + 1
                yield line, code.count("\n", start, brace.start()) + 1
        head_start = brace.end()


def nothing_is_long(tree):
    for path, text in {**sources(tree), **sources(tree, "tests/"), **sources(tree, "bench/")}.items():
        count = text.count("\n")
        if count > FILE_LINES:
            yield f"{path}: has {count} lines, {FILE_LINES} are allowed"
        yield from (f"{path}:{line}: a function of {length} lines, {FUNCTION_LINES} are allowed"
                    for line, length in functions(text) if length > FUNCTION_LINES)


def nothing_is_unfinished(tree):
    for path, text in tree.items():
        if path.startswith(("src/", "scripts/", "tests/", "bench/", "cmake/")) and not path.startswith("tests/tidy/"):
            yield from (f"{path}: holds {match.group()}" for match in UNFINISHED.finditer(text))


def nothing_names_a_machine(tree):
    """A path that exists on one person's machine has no place here."""
    for path, text in tree.items():
        if not path.startswith("tests/tidy/"):
            yield from (f"{path}: names {match.group()}" for match in SOMEONES_MACHINE.finditer(text))


def folders_are_described(tree):
    folders = {posixpath.dirname(path) for path in {**sources(tree), **sources(tree, "tests/"), **sources(tree, "bench/")}}
    yield from (f"{folder}: has no README.md" for folder in sorted(folders) if f"{folder}/README.md" not in tree)


def everything_is_used(tree):
    """A header is included by more than its own source and test; a script is called by another file."""
    included = {}
    for path, text in {**sources(tree), **sources(tree, "tests/"), **sources(tree, "bench/")}.items():
        for include in re.findall(r'^\s*#include "([^"]+)"', text, flags=re.M):
            included.setdefault(include, set()).add(path)
    for path in sources(tree):
        if path.endswith(".hpp"):
            stem = path.removesuffix(".hpp")
            names = {path.removeprefix("src/"), path.removeprefix("src/core/")}
            users = set().union(*(included.get(name, set()) for name in names))
            if not users - {f"{stem}.cpp", f"{stem}_test.cpp"}:
                yield f"{path}: nothing but its own source and test includes it"
    for path in tree:
        callers = (text for other, text in tree.items() if other != path and not other.endswith(".md"))
        if path.startswith("scripts/") and not any(posixpath.basename(path) in text for text in callers):
            yield f"{path}: nothing calls it"


def facts_are_documented(tree):
    """The names of what minds note and the shell writes, and the table in docs/log-events.md."""
    noted = set()
    for path, text in sources(tree).items():
        if not is_test(path) and not path.startswith("src/sim/"):
            noted |= set(re.findall(r'\b(?:note|write)\(\s*\{\s*"([a-z0-9_]+)"', text))
    documented = set(re.findall(r"^\| `([a-z0-9_]+)`", tree.get("docs/log-events.md", ""), flags=re.M))
    yield from (f"docs/log-events.md: fact {name} is missing" for name in sorted(noted - documented))
    yield from (f"docs/log-events.md: fact {name} is noted nowhere" for name in sorted(documented - noted))


def links_lead_somewhere(tree):
    folders = {parent.as_posix() for path in tree for parent in pathlib.PurePosixPath(path).parents}
    for path, text in tree.items():
        if path.endswith(".md"):
            for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
                if target not in tree and target not in folders:
                    yield f"{path}: links to {link}, which is not there"


RULES = [includes_go_down, core_is_pure, nothing_is_long, nothing_is_unfinished, nothing_names_a_machine, folders_are_described,
         everything_is_used, facts_are_documented, links_lead_somewhere]


def tracked():
    """The text files of the project: what git knows, and what it would add. Recorded data is no text of ours."""
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    names = [name for name in listed if name and not name.startswith(("tests/data/", "tests/fuzz/corpus/")) and (ROOT / name).is_file()]
    return {name: (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in names}


if __name__ == "__main__":
    tree = tracked()
    findings = [finding for rule in RULES for finding in rule(tree)]
    print("\n".join(findings) or f"tidy: {len(RULES)} rules, {len(tree)} files, clean")
    sys.exit(1 if findings or not sources(tree) else 0)
