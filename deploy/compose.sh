# shellcheck shell=bash
# The containers of docker-compose.multi-bot.yml, beside a fleet that must not be touched. Sourced by web-ui.sh.
#
# "Ours" is what carries our label and our project. A name alone proves nothing: a fleet may have containers, volumes or
# a whole project of the same name. So every command that changes something first looks at all that compose would touch,
# and refuses when one part is not ours.

project=whisperengine-console
label=whisperengine.console
old_project=whisperengine-multi  # ours too once, and the project of WhisperEngine's fleets of the first generation
unfinished=${project}_carry_over # this volume is there while a carry-over runs or did not finish
project_label=com.docker.compose.project

# --- compose ----------------------------------------------------------------------------------------------------------

# Everything that decides what compose works on is said on the command line, where neither the environment nor .env (which
# may be a fleet's) changes it: COMPOSE_PROJECT_NAME, COMPOSE_FILE, COMPOSE_REMOVE_ORPHANS.
compose() {
  find_compose
  COMPOSE_REMOVE_ORPHANS=0 "${compose_command[@]}" "$@"
}

find_compose() {
  local extra file
  if [ -n "${compose_command+set}" ]; then return; fi
  command -v docker >/dev/null || die "docker is not installed; \`./web-ui.sh demo\` and \`serve\` run without it."
  if docker compose version >/dev/null 2>&1; then
    compose_command=(docker compose)
  elif docker-compose version --short 2>/dev/null | grep -q '^v\?2'; then # version 1 is not maintained and refuses the file
    compose_command=(docker-compose)
  else
    die "docker has no compose plugin, version 2: install docker-compose-plugin, or Debian 13's docker-compose"
  fi
  compose_command+=(--project-name "$project" --project-directory "$root" --file "$compose_file")
  extra=${WEB_UI_COMPOSE_FILES-$(from_env_file WEB_UI_COMPOSE_FILES)}
  while IFS= read -r -d : file; do
    [ -n "$file" ] || continue
    [ -f "$file" ] || die "WEB_UI_COMPOSE_FILES names $file, which does not exist."
    compose_command+=(--file "$file")
  done <<<"$extra:"
}

# The last value of a variable in .env, without quotes.
from_env_file() {
  [ -f .env ] || return 0
  sed -n "s/^[[:space:]]*\(export[[:space:]]\+\)\?$1=//p" .env | tail -n 1 | sed "s/[[:space:]]*\$//; s/^\([\"']\)\(.*\)\1\$/\2/"
}

# --- the guard --------------------------------------------------------------------------------------------------------

# Refuses with exit code 1, everything named, unless all that compose would touch is ours or does not exist yet. Leaves
# what the files name in $names.
guard() { # guard images: for what touches nothing else
  local found
  find_compose
  names=$(compose --profile '*' config | names_in_config) || die "nothing was changed."
  if [ "${1:-}" = images ]; then names=$(grep '^image ' <<<"$names"); fi
  found=$(foreign_parts && foreign_images) || die "the container engine does not answer; nothing was changed."
  if [ -n "$found" ]; then
    say "$found"
    if is_there volume "${old_project}_web_state"; then
      say "If this is your own console, made with its earlier names: \`./web-ui.sh carry-over\` looks, explains and asks first."
    fi
    die "refused: the above was not made by this console. Nothing was changed. See docs/deploy.md, \"Beside a fleet\"."
  fi
  if [ "${1:-}" != images ] && is_there volume "$unfinished"; then
    die "a carry-over did not finish, so the volumes may be incomplete. Run \`./web-ui.sh carry-over\` again."
  fi
}

# From compose's own reading of the files, one "kind name" a line. What is external is never made or removed by compose.
names_in_config() {
  awk '
    function flush() { if (name != "" && !external) print kind, name; name = ""; external = 0 }
    function value(text) { sub(/^ *[a-z_]+: /, "", text); gsub(/^["\047]|["\047]$/, "", text); return text }
    function service() { if (is_built && image != "") print "image", image; is_built = 0; image = "" }
    /^[^ ]/ { flush(); service(); section = $1; kind = section == "volumes:" ? "volume" : section == "networks:" ? "network" : "" }
    kind && /^  [^ ]/ { flush() }
    kind && /^    name: / { name = value($0) }
    kind && /^    external: true/ { external = 1 }
    section == "services:" && /^  [^ ]/ { service() }
    section == "services:" && /^    container_name: / { print "container", value($0) }
    section == "services:" && /^    build:/ { is_built = 1 }
    section == "services:" && /^    image: / { image = value($0) }
    END { flush(); service(); if (!section) exit 1 }
  '
}

foreign_parts() {
  if ! grep -qv '^image ' <<<"$names"; then return; fi
  foreign_containers && foreign_of volume && foreign_of network
}

foreign_containers() {
  local lines name image mark of folder
  lines=$(docker ps --all --no-trunc --format \
    "{{.Names}}|{{.Image}}|{{if .Label \"$label\"}}ours{{end}}|{{.Label \"$project_label\"}}|{{.Label \"$project_label.working_dir\"}}") || return
  while IFS='|' read -r name image mark of folder; do
    if [ "$of" != "$project" ] && ! grep -qxF "container $name" <<<"$names"; then continue; fi
    if [ "$mark|$of" != "ours|$project" ]; then
      echo "container $name (image $image, project ${of:-none})"
    elif [ -f "$folder/$compose_file" ] && ! [ "$folder" -ef "$root" ]; then
      echo "container $name (of the console in $folder: use its web-ui.sh, or \`clean\` there first, which keeps the data)"
    fi
  done <<<"$lines"
}

foreign_of() { # volume or network
  local lines name mark of
  lines=$(docker "$1" ls --format "{{.Name}}|{{if .Label \"$label\"}}ours{{end}}|{{.Label \"$project_label\"}}") || return
  while IFS='|' read -r name mark of; do
    if [ "$of" != "$project" ] && ! grep -qxF "$1 $name" <<<"$names"; then continue; fi
    if [ "$mark|$of" != "ours|$project" ]; then echo "$1 $name (project ${of:-none})"; fi
  done <<<"$lines"
}

foreign_images() {
  local image
  for image in $(names_of image); do
    if is_there image "$image" && ! is_our_image "$image"; then echo "image $image"; fi
  done
}

names_of() { sed -n "s/^$1 //p" <<<"$names"; }

is_there() { docker "$1" inspect "$2" >/dev/null 2>&1; }

is_our_image() { [ -n "$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null)" ]; }

# --- commands ---------------------------------------------------------------------------------------------------------

start() {
  guard
  if is_there volume "${old_project}_web_state" && ! is_there volume "${project}_web_state"; then
    if [ "${1:-}" != --new ]; then
      say "There are data of a console that was made with the earlier names: volume ${old_project}_web_state."
      die "\`./web-ui.sh carry-over\` brings them along, after asking; \`./web-ui.sh start --new\` begins without them."
    fi
  fi
  if [ "${1:-}" = --new ]; then shift; fi
  compose up --detach "$@"
}

clean() {
  local answer image with=()
  guard
  if [ "${1:-}" = --data ]; then
    read -rp "Delete all volumes of the console, conversations included? Type yes: " answer || true
    [ "${answer:-}" = yes ] || die "nothing was deleted."
    with=(--volumes)
  fi
  compose --profile '*' down "${with[@]}"
  for image in $(names_of image); do
    if is_our_image "$image"; then docker image rm "$image" >/dev/null || say "The image $image is in use and stays."; fi
  done
}

# --- from the earlier names -------------------------------------------------------------------------------------------

# Finds an installation of ours by its old names, tells it from a fleet of the same project, asks, then copies its
# volumes. The old volumes are mounted read-only and stay; containers that are not proven ours are never touched.
carry_over() {
  local answer image name volume volumes=() ours=() kept=() doubts=()
  find_compose
  guard_new_side
  is_there volume "${old_project}_web_state" || die "no installation with the earlier names was found."
  image=$(local_image) || die "no image of the console is here to look and copy with: \`./web-ui.sh build\` first."
  examine_old_installation
  if [ ${#doubts[@]} -gt 0 ]; then
    printf '%s\n' "${doubts[@]}" >&2
    die "refused: it is not certain that all of this was made by the console. Nothing was changed. See docs/deploy.md, \"From the earlier names\"."
  fi
  say "An installation of the console with the earlier names was found. Carrying it over will"
  say "  1. stop: ${ours[*]:-nothing, since no container of it is left}"
  say "  2. copy, and compare byte by byte:"
  for volume in "${volumes[@]}"; do say "       ${old_project}_$volume -> ${project}_$volume"; done
  say "  3. remove the stopped containers. The old volumes and networks stay until you remove them."
  if [ ${#kept[@]} -gt 0 ]; then say "It leaves alone, running as they are: ${kept[*]}"; fi
  read -rp "Type yes to begin: " answer || true
  [ "${answer:-}" = yes ] || die "nothing was changed."
  copy_volumes
  for name in "${ours[@]}"; do # the web container last: by it the others are known, should this break off
    [ "$name" = whisperengine-web-interface ] || docker rm "$name" >/dev/null
  done
  if is_listed whisperengine-web-interface; then docker rm whisperengine-web-interface >/dev/null; fi
  docker volume rm "$unfinished" >/dev/null
  say "Done. \`./web-ui.sh start\` starts the console on its data. When all is well, remove the old volumes:"
  say "  docker volume rm ${volumes[*]/#/${old_project}_}"
}

# Nothing of the new names may be there, but what an unfinished carry-over left.
guard_new_side() {
  local found
  names=$(compose --profile '*' config | names_in_config | grep -v '^container whisperengine-web-interface$') || die "nothing was changed."
  found=$(foreign_parts && foreign_images) ||
    die "the container engine does not answer; nothing was changed."
  if [ -n "$found" ]; then
    say "$found"
    die "refused: the above was not made by this console. Nothing was changed."
  fi
  found=$(docker ps --all --filter "label=$project_label=$project" --format '{{.Names}}')
  [ -z "$found" ] || die "there are containers with the new names: $(echo $found). \`./web-ui.sh clean\` removes them. Nothing was changed."
  if is_there volume "$unfinished"; then return; fi
  for found in $(names_of volume); do
    if is_there volume "$found"; then die "the console has data under its new names already, as $found; there is nothing to carry over."; fi
  done
}

# Fills ours, kept, volumes and doubts of carry_over.
examine_old_installation() {
  local lines name service is_read_only made_of bot mounts folder reference="" volume user
  local parts=(web_state postgres_data qdrant_data)
  lines=$(docker ps --all --quiet --no-trunc --filter "label=$project_label=$old_project")
  if [ -n "$lines" ]; then
    # shellcheck disable=SC2086
    lines=$(docker inspect --format "{{.Name}}|{{index .Config.Labels \"com.docker.compose.service\"}}|{{.HostConfig.ReadonlyRootfs}}|{{.Config.Image}}|{{index .Config.Labels \"whisperengine.bot\"}}|{{range .Mounts}}{{.Name}} {{end}}|{{index .Config.Labels \"$project_label.working_dir\"}}" $lines)
    reference=$(sed -n "s/^\/whisperengine-web-interface|whisperengine-web|true|whisperengine-web:[^|]*|[^|]*|[^|]*${old_project}_web_state [^|]*|//p" <<<"$lines")
  fi
  while IFS='|' read -r name service is_read_only made_of bot mounts folder; do
    [ -n "$name" ] || continue
    case "${name#/}|$service|$is_read_only|$made_of" in
      "whisperengine-web-interface|whisperengine-web|true|whisperengine-web:"* | \
        "whisperengine-$service|postgres|true|"* | "whisperengine-$service|redis|true|"* | \
        "whisperengine-$service|qdrant|true|"* | "whisperengine-$service|docker-proxy|true|"* | \
        "whisperengine-$service|prometheus|true|"* | "whisperengine-$service|grafana|true|"* | \
        "whisperengine-$service-bot|$service|true|whisperengine-web:"*)
        if [ -n "$reference" ] && [ "$folder" = "$reference" ]; then
          ours+=("${name#/}")
          case $service in prometheus | grafana) parts+=("${service}_data") ;; esac
          continue
        fi
        ;;
      "whisperengine-$service-bot|$service|true|"*) # your own bot, in the place of a sample bot in our file
        if [ -n "$reference" ] && [ "$folder" = "$reference" ] && [ -n "$bot" ]; then
          kept+=("${name#/}")
          continue
        fi
        ;;
    esac
    doubts+=("container ${name#/} (service $service, image $made_of, made in $folder)")
  done <<<"$lines"
  for volume in "${parts[@]}"; do
    if is_there volume "${old_project}_$volume"; then
      volumes+=("$volume")
      examine_old_volume "$volume"
      if [ "$volume" = postgres_data ]; then examine_old_database; fi
    elif [ "$volume" = postgres_data ]; then
      doubts+=("volume ${old_project}_$volume is missing")
    fi
  done
  for user in $(docker ps --all --filter "network=${old_project}_data_network" --format '{{.Names}}'); do
    is_listed "$user" || doubts+=("container $user uses the network ${old_project}_data_network")
  done
}

# It has the label of its project, and nobody else uses it.
examine_old_volume() {
  local name=${old_project}_$1 user
  if [ "$(docker volume inspect --format "{{index .Labels \"$project_label\"}}" "$name")" != "$old_project" ]; then
    doubts+=("volume $name was not made by compose for the project $old_project")
  fi
  for user in $(docker ps --all --filter "volume=$name" --format '{{.Names}}'); do
    is_listed "$user" || doubts+=("container $user uses the volume $name")
  done
}

# The catalog of PostgreSQL has the names of tables as they are. The console's own table proves that it worked on this
# database, one of a fleet's that a fleet did, too.
examine_old_database() {
  local name=${old_project}_postgres_data found
  found=$(with_old_volumes --volume "$name:/from:ro" --cap-add DAC_OVERRIDE <<'PY'
import glob

catalog = b"".join(open(path, "rb").read() for path in glob.glob("/from/base/*/1259"))
print("fleet" if b"bot_deployments\0" in catalog else "ours" if b"web_ui_alembic_version\0" in catalog else "unknown")
PY
  ) || die "$name could not be read; nothing was changed."
  case $found in
    ours) ;;
    fleet) doubts+=("volume $name has a fleet's tables") ;;
    *) doubts+=("volume $name has no tables of the console's. One that was begun minutes ago: wait five, and try again") ;;
  esac
}

with_old_volumes() { # a program on standard input, with nothing but what is given
  docker run --rm --interactive --network none --user 0:0 --read-only --security-opt no-new-privileges --cap-drop ALL \
    "$@" --entrypoint python "$image" -
}

is_listed() { [[ " ${ours[*]} " == *" $1 "* ]]; }

local_image() {
  local image
  for image in $(names_of image) \
    "$(docker inspect --format '{{.Image}}' whisperengine-web-interface 2>/dev/null)"; do
    if [ -n "$image" ] && is_there image "$image"; then
      echo "$image"
      return
    fi
  done
  return 1
}

copy_volumes() {
  local volume
  docker volume create --label "$label=true" --label "$project_label=$project" "$unfinished" >/dev/null
  # shellcheck disable=SC2064
  trap "say 'Not finished. The old volumes are as they were. Run ./web-ui.sh carry-over again, or go back: docker start ${ours[*]}'" EXIT
  if [ ${#ours[@]} -gt 0 ]; then
    say "Stopping ${ours[*]} …"
    docker stop "${ours[@]}" >/dev/null
  fi
  for volume in "${volumes[@]}"; do
    if is_there volume "${project}_$volume"; then docker volume rm "${project}_$volume" >/dev/null; fi # half copied
    say "Copying ${old_project}_$volume …"
    docker volume create --label "$label=true" --label "$project_label=$project" \
      --label "com.docker.compose.volume=$volume" "${project}_$volume" >/dev/null
    with_old_volumes --volume "${old_project}_$volume:/from:ro" --volume "${project}_$volume:/to" \
      --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add FSETID <<'PY'
import filecmp, os, stat, subprocess, sys

subprocess.run(["cp", "-a", "/from/.", "/to/"], check=True)


def facts(path):
    found = os.lstat(path)
    size = None if stat.S_ISDIR(found.st_mode) else found.st_size
    return found.st_mode, found.st_uid, found.st_gid, size, os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""


def tree(top):
    for folder, folders, files in os.walk(top):
        yield from (os.path.relpath(os.path.join(folder, name), top) for name in folders + files)


if sorted(tree("/from")) != sorted(tree("/to")):
    sys.exit("the copy has other files")
for name in [".", *tree("/from")]:
    old, new = os.path.join("/from", name), os.path.join("/to", name)
    if facts(old) != facts(new) or (stat.S_ISREG(os.lstat(old).st_mode) and not filecmp.cmp(old, new, shallow=False)):
        sys.exit(f"the copy of {name} differs")
PY
  done
  trap - EXIT
}

# --- the socket proxy -------------------------------------------------------------------------------------------------

# What the running console may act on becomes what the proxy lets through. Every other byte of .env, its mode and its
# place stay: it has all secrets.
apply_proxy_rules() {
  local answer rules file
  guard
  answer=$(compose exec -T "$web_service" python -m console.cli proxy-rules) || die "the console doesn't answer; nothing was changed."
  rules=$(grep '^ENGINE_PROXY_\(GET\|POST\)=' <<<"$answer") && [ "$(wc -l <<<"$rules")" -eq 2 ] || die "no rules: nothing was changed."
  file=$(readlink -f .env)
  [ ! -f "$file" ] || cp -p "$file" "$file.new"
  (
    umask 077
    {
      { [ ! -f "$file" ] || LC_ALL=C awk '!/^ENGINE_PROXY_(GET|POST)=/' "$file"; } && printf '%s\n' "$rules"
    } >"$file.new" && mv "$file.new" "$file"
  ) || die ".env could not be written; it is as it was."
  compose up --detach --no-deps console-docker-proxy
  say "The socket proxy now lets through:" "$rules"
}
