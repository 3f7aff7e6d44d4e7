#!/usr/bin/env bash
# The whole story in network namespaces, with real phones and a WAN that is really cut. See docs/demo.md.
set -euo pipefail
if [[ " $* " == *" browser_phone "* ]]; then "$(dirname "$0")/browser.sh"; fi
exec python3 "$(dirname "$0")/../tests/e2e/demo.py" "$@"
