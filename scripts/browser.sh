#!/usr/bin/env bash
# browser.sh: the library of the browser phone (tests/e2e/browser) into build/browser, once.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
mkdir -p build/browser
if ! cmp -s tests/e2e/browser/package.json build/browser/package.json || [ ! -d build/browser/node_modules/sip.js ]; then
  command -v npm > /dev/null || { apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends npm > /dev/null; }
  cp tests/e2e/browser/package.json build/browser/
  npm install --prefix build/browser --no-audit --no-fund --no-package-lock --silent > /dev/null
fi
