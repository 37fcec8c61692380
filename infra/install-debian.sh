#!/usr/bin/env bash
# Debian packages: bubblewrap for programs of models, a browser and a voice for tests; everything else comes with
# `make setup`.
set -euo pipefail
command -v chromium >/dev/null && command -v bwrap >/dev/null && command -v espeak-ng >/dev/null && exit 0
[ "$(id -u)" = 0 ] || { echo "run as root: apt-get install bubblewrap chromium espeak-ng fonts-liberation" >&2; exit 1; }
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends bubblewrap chromium espeak-ng fonts-liberation
