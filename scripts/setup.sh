#!/bin/sh
# Makes a fresh clone ready to run; again within a second when nothing changed.
# Checks what must be there before it starts anything; then npm's packages, the build, and the rest in runtime/setup.
set -eu
cd "$(dirname "$0")/.."

fail() {
  echo "setup: $1" >&2
  exit 1
}

java=java
[ -z "${JAVA_HOME:-}" ] || java="$JAVA_HOME/bin/java"

command -v node >/dev/null || fail "Node.js is missing: install version 20 or newer"
command -v npm >/dev/null || fail "npm is missing: it comes with Node.js"
command -v "$java" >/dev/null || fail "Java is missing: install a JRE, version 17 or newer (Debian: apt-get install openjdk-17-jre-headless)"
command -v mvn >/dev/null || fail "Maven is missing: install version 3.6 or newer (Debian: apt-get install maven)"

node_version=$(node --version)
node_major=${node_version#v}
node_major=${node_major%%.*}
[ "$node_major" -ge 20 ] || fail "Node.js $node_version is too old: install version 20 or newer"

# "17.0.15" since Java 9, "1.8.0_432" before.
java_version=$("$java" -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/\1/p' | head -n 1)
java_major=${java_version%%[!0-9]*}
[ "${java_major:-0}" -ge 17 ] || fail "Java ${java_version:-of an unknown version} is too old: install version 17 or newer"

# What npm's packages were installed from and for; scripts of dependencies are run by name, in runtime/setup.
stamp=node_modules/.sluice-installed
wanted="$(cksum <package-lock.json) $(cksum <package.json) $node_version $(uname -sm)"
is_stale=true
[ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ] || is_stale=false

# The folder of the broker's jars, by the rule of runtime/cache.ts.
jars=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}/kafka-$(sed -n 's/.*KAFKA_VERSION = "\(.*\)";/\1/p' runtime/cache.ts)

# Maven takes a while to say its version: asked only where something has to be got.
if "$is_stale" || [ ! -d "$jars" ]; then
  maven_version=$(mvn --version 2>/dev/null | sed -n 's/.*Apache Maven \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  maven_major=${maven_version%%.*}
  maven_minor=${maven_version#*.}
  maven_minor=${maven_minor%%.*}
  [ "$((${maven_major:-0} * 100 + ${maven_minor:-0}))" -ge 306 ] ||
    fail "Maven ${maven_version:-of an unknown version} is too old: install version 3.6 or newer"
fi

if "$is_stale"; then
  echo "setup: installing npm packages"
  npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
  echo "$wanted" >"$stamp"
fi

node node_modules/typescript/bin/tsc -p tsconfig.build.json
# What `npx sluice` runs; npm does not see to it for the project that it stands in.
chmod +x dist/runtime/main.js
node dist/runtime/setup/main.js
