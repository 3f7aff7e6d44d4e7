#!/usr/bin/env python3
"""Feeds each rule of tidy.py one tree that it has to accept, and bad samples that it has to find."""
import sys

import tidy

CMAKE = {"CMakeLists.txt": "ringhold_core(base)\nringhold_core(sip  base)\nringhold_core(dns  base)\nringhold_core(proxy sip)\n"}
X = "src/core/sip/x.cpp"
LONG = "  g();\n" * 80


def core(text):
    return {**CMAKE, X: text}


# rule, what it accepts, what it has to find
SAMPLES = [
    (tidy.includes_go_down, {**core('#include "base/time.hpp"\n#include "sip/x.hpp"'), "src/core/proxy/p.cpp": '#include "base/time.hpp"',
                             "src/shell/net/a.cpp": '#include "sip/x.hpp"\n#include "shell/net/a.hpp"'},
     [core('#include "proxy/proxy.hpp"'), core('#include "dns/name.hpp"'), core('#include "shell/net/worker.hpp"'),
      core('#include "../dns/name.hpp"'), {**CMAKE, "src/core/base/b.hpp": '#include "sip/x.hpp"'},
      {**CMAKE, "src/core/proxy/p.hpp": '#include "dns/name.hpp"'}, {**CMAKE, "src/core/stray/s.cpp": '#include "stray/s.hpp"'},
      {**CMAKE, "src/shell/net/a.cpp": '#include "sim/world.hpp"'}, {**CMAKE, "src/sim/w.cpp": '#include "shell/net/worker.hpp"'},
      {**CMAKE, "src/shell/net/a.cpp": '#include "app/serve.hpp"'}]),
    (tidy.core_is_pure, core('// now() would throw\nlog("sleep(1)"); auto x = known(); expect(y); operand(1); Instant now;'),
     [core(text) for text in ("t = Clock::now();", "std::chrono::system_clock::time_point t;", "time(nullptr);", "int n = rand();",
                              "std::random_device d;", "std::mt19937 g;", "sleep(1);",
                              "std::this_thread::sleep_for(1s);", "usleep(1);", "throw 1;",
                              "std::mutex m;", "std::thread t;", "std::atomic<int> n;", "co_await x;", "co_return;",
                              "#include <boost/asio.hpp>", "#include <sqlite3.h>", "#include <openssl/ssl.h>", "#include <sys/socket.h>",
                              "#include <unistd.h>")]),
    (tidy.nothing_is_long, core("namespace a {\n" + "int b;\n" * 398 + "}\n"),
     [core("\n" * 401), core("void f() {\n" + LONG + "}\n"),
      core("struct S {\n  int f(int a) const {\n" + LONG + "  }\n};\n"),
      core("namespace a {\nResult<int> f(int a,\n              int b) {\n" + LONG + "}\n}\n"),
      {"tests/fuzz/x.cpp": "TEST(A, b) {\n" + LONG + "}\n"},
      core("A::A(int b) : b_{b} {\n" + LONG + "}\n"),
      core("A::A(int b) : b_{b}, c_{b} {\n" + LONG + "}\n"), core("auto f = [](int a) {\n" + LONG + "};\n")]),
    (tidy.nothing_is_long, core("namespace a {\n" + "void f(int a) {\n  g();\n}\n" * 60 + "}\n"), []),
    (tidy.nothing_is_long, core("class A {\n" + "  int f() const { return 1; }\n" * 90 + "};\n"), []),
    (tidy.nothing_is_unfinished, core("// todos"), [core("// TODO: later"), {"scripts/a.sh": "# FIXME"}, {"tests/wire/a.py": "# XXX"}]),
    (tidy.nothing_names_a_machine, {"a.md": "in /var/lib/ringhold, /etc/ringhold, src/work/x"},
     [{"a.md": "see /home/anna/x"}, {"a.py": "'/root/x'"}, {"a.sh": "cd /workspace/x"}, {"a.sh": "ls /tmp/a/x"}]),
    (tidy.folders_are_described, {X: "", "src/core/sip/README.md": ""}, [{X: ""}, {"tests/new/a.cpp": ""}]),
    (tidy.everything_is_used,
     {"src/core/sip/x.hpp": "", "src/app/main.cpp": '#include "sip/x.hpp"', "dev": "scripts/a.sh", "scripts/a.sh": ""},
     [{"src/core/sip/x.hpp": ""}, {"src/core/sip/x.hpp": "", "src/core/sip/x.cpp": '#include "sip/x.hpp"'},
      {"src/core/sip/x.hpp": "", "src/core/sip/x_test.cpp": '#include "sip/x.hpp"'}, {"scripts/a.sh": "", "README.md": "a.sh"}]),
    (tidy.facts_are_documented, {X: 'outbox.note({"seen", {}})', "docs/log-events.md": "| `seen` | info |"},
     [{X: 'outbox.note({"seen", {}})', "docs/log-events.md": ""}, {X: 'log.write(\n    {"seen", {}})', "docs/log-events.md": ""},
      {X: "", "docs/log-events.md": "| `seen` | info |"}]),
    (tidy.links_lead_somewhere, {"docs/a.md": "[b](b.md) [c](../x) [d](https://d) [e](#e)", "docs/b.md": "", "x/y": ""},
     [{"docs/a.md": "[b](b.md)"}, {"docs/a.md": "[b](b.md)", "b.md": ""}]),
]

problems = [f"no sample for {rule.__name__}" for rule in tidy.RULES if rule not in {sample[0] for sample in SAMPLES}]
for rule, good, bad in SAMPLES:
    problems += [f"{rule.__name__} complains: {finding}" for finding in rule(good)]
    problems += [f"{rule.__name__} is silent about {tree}" for tree in bad if not list(rule(tree))]
print("\n".join(problems) or "tidy: each rule finds what it is for")
sys.exit(1 if problems else 0)
