#!/usr/bin/env bash
# Debian packages that the browser test needs; everything else comes with `make setup`.
set -euo pipefail
command -v chromium >/dev/null && exit 0
[ "$(id -u)" = 0 ] || { echo "run as root: apt-get install chromium fonts-liberation" >&2; exit 1; }
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium fonts-liberation
