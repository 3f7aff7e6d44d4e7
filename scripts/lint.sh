#!/usr/bin/env bash
# lint.sh [deep]: clang-format (check only), the project's own rules (tests/tidy), clang-tidy over what decides. `deep` is for what was
# changed and before a release: clang's analyzer, which follows paths through the code and takes as long as all other checks together,
# and two checks that take a third of the rest.
set -euo pipefail
deep=clang-analyzer-core.*,clang-analyzer-cplusplus.*,-clang-analyzer-cplusplus.NewDeleteLeaks
deep+=,performance-unnecessary-value-param,bugprone-reserved-identifier
checks=()
[ "${1:-}" = deep ] && checks=("--checks=$deep")
cd "$(dirname "$(readlink -f "$0")")/.."
git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 --dry-run -Werror
python3 tests/tidy/tidy.py
# The compilation database names precompiled headers made by g++, which clang cannot read.
mkdir -p build/lint
python3 - <<'PY'
import json, re
entries = json.load(open("build/release/compile_commands.json"))
kept = []
for entry in entries:
    if not entry["file"].endswith(".cpp") or "cmake_pch" in entry["file"]:
        continue
    entry["command"] = re.sub(r"-Winvalid-pch|-include \S*cmake_pch\S*|^ccache ", "", entry["command"])
    kept.append(entry)
json.dump(kept, open("build/lint/compile_commands.json", "w"))
# What decides is looked at by clang-tidy; the shell is thin and Boost's headers would take most of the time.
files = sorted({e["file"] for e in kept if re.search(r"/src/(core|app)/", e["file"]) and not e["file"].endswith("_test.cpp")})
open("build/lint/files", "w").write("\n".join(files))
PY
# Clang calls what libstdc++ 12 uses inside of std::stable_sort deprecated.
xargs -P 2 -n 4 clang-tidy-19 --quiet -p build/lint --extra-arg=-Wno-deprecated-declarations "${checks[@]}" --warnings-as-errors='*' \
  < build/lint/files > build/lint/log 2> build/lint/errors ||
  { cat build/lint/log; exit 1; }
echo "lint: clean"
