#!/usr/bin/env bash
# Known weaknesses of the npm packages that are shipped: those of builds and tests are left out. A finding fails.
# A registry that has no such list is passed over, and said; one that can't be reached fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

report=$(mktemp)
trap 'rm -f "$report"' EXIT
# .npmrc turns audits off for set-up, so that it asks nobody; --audit turns this one on.
code=0
npm audit --omit=dev --audit >"$report" 2>&1 || code=$?
if [ "$code" -ne 0 ] && grep -Eq "^npm warn audit 40[45] " "$report"; then
  echo "audit: the configured registry does not answer audits: nothing was looked up"
else
  cat "$report"
  exit "$code"
fi
