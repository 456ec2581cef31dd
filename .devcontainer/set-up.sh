#!/usr/bin/env bash
# Sets up a new development container: Chromium for the tests in a browser, uv, and the packages of uv.lock.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --yes --no-install-recommends chromium chromium-headless-shell

# the version that the checks use
uv_version="$(sed -n 's/^uv_version=\([0-9.]*\).*/\1/p' .ci/run)"
python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore "uv==$uv_version"

git config --global --add safe.directory "$PWD"
UV_PYTHON_PREFERENCE=only-system uv sync --locked
