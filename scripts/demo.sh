#!/usr/bin/env bash
# The whole story in network namespaces, with real phones and a WAN that is really cut. See docs/demo.md.
set -euo pipefail
exec python3 "$(dirname "$0")/../tests/e2e/demo.py" "$@"
