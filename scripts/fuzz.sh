#!/usr/bin/env bash
# fuzz.sh SECONDS: every fuzz target for so long, with its kept corpus as seed. Stops at the first finding.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
for target in build/fuzz/tests/fuzz/*_fuzz; do
  name=$(basename "$target")
  mkdir -p "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"
  echo "== $name, $1 s"
  "$target" -max_total_time="$1" -timeout=5 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
    -artifact_prefix="build/fuzz/$name-" "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"
done
echo "fuzz: no finding"
