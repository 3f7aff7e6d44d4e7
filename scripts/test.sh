#!/usr/bin/env bash
# test.sh [CTEST ARG...]: unit, scenario, simulation and wire tests with address and undefined sanitizers, the wire's again with
# two workers and the thread sanitizer, the stories in namespaces with the release binary. One ctest over all three trees, so
# that one summary tells all.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
exec ctest --test-dir build/asan --output-on-failure -j2 "$@"
