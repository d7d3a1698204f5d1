# Functions that the scripts beside it source. Changes to the project's folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '==> %s\n' "$*"; }

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# debian PACKAGE...: installs the packages if the system has apt-get and the user is root. Never fails.
debian() {
  has apt-get && [ "$(id -u)" = 0 ] || return 0
  say "installing $*"
  apt-get update -qq >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || true
}

# need COMMAND PACKAGE...: installs the packages if the command is missing, and stops if it still is.
need() {
  local command=$1
  shift
  has "$command" || debian "$@"
  has "$command" ||
    fail "$command is missing: install it (Debian and Ubuntu: apt-get install $*; macOS: brew install $command)."
}

# environment FOLDER REQUIREMENTS...: makes a Python environment for packages that conflict with those of .venv.
environment() {
  local folder=$1 wanted
  shift
  wanted=$(cat "$@" | cksum)
  [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ] && return
  [ -x .venv/bin/python ] || fail "The Python packages are missing: run scripts/setup first."
  say "installing the packages of $* into $folder"
  rm -rf "$folder"
  .venv/bin/python -m venv "$folder"
  "$folder/bin/python" -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps "${@/#/--requirement=}" ||
    fail "The packages of $* can't be installed: see pip's message above, and try again."
  printf '%s\n' "$wanted" >"$folder/installed"
}

# bench_executable NAME COMMAND...: builds a file of benches/ with cargo's command, bench or test, and prints its path.
bench_executable() {
  local name=$1 path
  shift
  path=$(cargo "$@" --locked --bench "$name" --no-run --message-format=json-render-diagnostics |
    sed -n -E 's/.*"name":"'"$name"'".*"executable":"([^"]*)".*/\1/p')
  [ -n "$path" ] || fail "benches/$name.rs can't be built: see cargo's message above."
  printf '%s\n' "$path"
}

# project_version: prints the version in Cargo.toml.
project_version() { sed -n -E 's/^version = "(.*)"$/\1/p' Cargo.toml | head -n 1; }

# cargo_tool NAME VERSION [ARGUMENT...]: compiles a tool into .tools, unless NAME ARGUMENT... --version ends with VERSION.
# Optimisations are off, because compiling takes minutes and a run takes a second.
cargo_tool() {
  local name=$1 version=$2
  shift 2
  [[ "$(".tools/bin/$name" "$@" --version 2>/dev/null)" == *" $version" ]] && return
  say "compiling $name into .tools (a few minutes)"
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_TARGET_DIR=$PWD/target/$name cargo install --quiet --locked --force --root .tools "$name@$version" ||
    fail "$name can't be compiled: see cargo's message above."
  rm -rf "target/$name"
}

# copy_if_changed FROM TO: leaves an equal file and its time alone, so that Cargo does not rebuild.
copy_if_changed() {
  cmp -s "$1" "$2" && return
  cp "$1" "$2.new"
  mv "$2.new" "$2"
}

# node_is_new_enough: checks the system's Node against "engines" in web/package.json.
node_is_new_enough() {
  has node && has npm && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    const least = { 22: 23, 24: 15 };
    process.exit(major >= 26 || minor >= (least[major] ?? Infinity) ? 0 : 1)' 2>/dev/null
}

# use_node: puts the project's own node and npm first in PATH if the system's are missing or too old.
use_node() {
  node_is_new_enough || PATH="$PWD/.tools/bin:$PATH"
  export ASTRO_TELEMETRY_DISABLED=1
}

# browser: prints the browser for the tests: $CHROMIUM, the system's, or one installed from Debian.
browser() {
  local candidate
  for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    has "$candidate" && command -v "$candidate" && return
  done
  debian chromium >&2
  command -v chromium ||
    fail "Chromium is missing: install it (Debian and Ubuntu: apt-get install chromium), or name one with CHROMIUM=/path/to/chromium."
}

# start_server [OPTION...]: runs the release executable on a free port until the script ends. Sets server (the process id)
# and address (HOST:PORT).
start_server() {
  local log
  log=$(mktemp)
  target/release/glimpse --listen-addr 127.0.0.1:0 --log-format json "$@" >"$log" &
  server=$!
  trap 'kill "$server" 2>/dev/null' EXIT
  for _ in $(seq 100); do
    address=$(sed -n -E 's/.*"message":"ready","address":"([^"]*)".*/\1/p' "$log")
    [ -n "$address" ] && break
    sleep 0.1
  done
  rm -f "$log"
  [ -n "$address" ] || fail "The server does not start: run target/release/glimpse to see why."
}
