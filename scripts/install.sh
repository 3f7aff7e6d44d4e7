#!/usr/bin/env bash
# install.sh SET...: installs the Debian packages of these sets (scripts/packages.txt) that are missing. Quiet when none is.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
missing=()
for set in "$@"; do
  while read -r package; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done < <(awk -v set="$set" '$1 == set {print $2}' "$here/packages.txt")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are missing; run this once as root, or install them: ${missing[*]}" >&2
  exit 1
fi
echo "Installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# A package must not start its own Kamailio, name server or DHCP server: the tests start theirs in namespaces.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
