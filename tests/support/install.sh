# Sourced by run, test and tests/serve, from the project's folder: installs what is missing, builds, and runs stages with a
# line each. Quick when nothing changed.
#
#   stage NAME SECONDS COMMAND…   one line: name and how long it took; output in build/logs/NAME.log, its end shown on failure
#   packages FILE…                Debian packages of the lists; a list's line: package [(or COMMAND)]  # why
#   build PRESET                  configures and builds it
#   python_packages               build/venv with tests/requirements.txt
set -u
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
mkdir -p build/logs build/stamps

say() {
    printf '%s\n' "$*" >&"${PROGRESS_FD:-2}"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else
        echo "Not root and no sudo: cannot run: $*" >&2
        return 1
    fi
}

# An interrupted run takes its stage with it.
stage_pid=
trap '[ -z "$stage_pid" ] || kill_tree "$stage_pid"; exit 130' INT TERM HUP

stage() {
    stage_name=$1 stage_limit=$2
    shift 2
    stage_log=build/logs/$(printf '%s' "$stage_name" | tr ' /' '--').log
    stage_start=$(date +%s)
    # In the background, so that the limit can end it; a function can be a stage too.
    ("$@") > "$stage_log" 2>&1 < /dev/null &
    stage_pid=$!
    (
        for _ in $(seq "$stage_limit"); do
            sleep 1
        done
        echo "stage $stage_name: stopped after $stage_limit s" >> "$stage_log"
        kill_tree "$stage_pid"
    ) > /dev/null 2>&1 &
    stage_watch=$!
    wait "$stage_pid"
    stage_status=$?
    # The watch ends with the stage, unless it is just ending what the stage left.
    tail -n 1 "$stage_log" | grep -q "^stage $stage_name: stopped after" || kill -KILL "$stage_watch" 2> /dev/null
    wait "$stage_watch" 2> /dev/null
    stage_pid=
    stage_took=$(($(date +%s) - stage_start))
    if [ "$stage_status" = 0 ]; then
        say "$(printf '%-28s %4d s' "$stage_name" "$stage_took")"
    else
        say "$(printf '%-28s %4d s  FAILED (status %d), the end of %s:' "$stage_name" "$stage_took" "$stage_status" "$stage_log")"
        tail -n "${STAGE_TAIL:-40}" "$stage_log" | sed 's/^/    /' >&"${PROGRESS_FD:-2}"
    fi
    return "$stage_status"
}

# Ends a process and everything below it: first asked, after five seconds killed.
kill_tree() {
    tree=$(descendants "$1")
    for round in TERM 0 0 0 0 0 KILL; do
        left=
        for process in $tree; do
            kill -$round "$process" 2> /dev/null && left=$process
        done
        [ -n "$left" ] || return 0
        [ $round = 0 ] && sleep 1
    done
}

descendants() {
    echo "$1"
    for child in $(cat "/proc/$1/task/"*/children 2> /dev/null); do
        descendants "$child"
    done
}

# The packages of the lists that are not installed; a line "name (or COMMAND)" is satisfied by COMMAND in PATH as well,
# "name (>= VERSION)" only by that version or a later one.
missing_packages() {
    cat "$@" | sed -e 's/#.*//' -e 's/[()]/ /g' | while read -r package or command rest; do
        [ -n "$package" ] || continue
        [ "$or" = or ] && command -v "$command" > /dev/null && continue
        installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$package" 2> /dev/null)
        case $installed in
        'ii '*) [ "$or" != '>=' ] || dpkg --compare-versions "${installed#ii }" ge "$command" || echo "$package" ;;
        *) echo "$package" ;;
        esac
    done
}

install_packages() {
    as_root apt-get -qq update || echo "apt-get update failed, going on with the lists there are"
    as_root apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}

packages() {
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    say "installing:" $missing
    stage packages 1500 install_packages $missing
}

build_preset() {
    preset=$1
    shift
    exec 9> build/stamps/lock # one build at a time
    flock 9
    launcher=$(command -v ccache || true)
    [ -e "build/$preset/build.ninja" ] || cmake --log-level=NOTICE --preset "$preset" ${launcher:+-DCMAKE_C_COMPILER_LAUNCHER="$launcher"} || return 1
    cmake --build --preset "$preset" "$@" -- --quiet
}

build() {
    stage "build $1" 1800 build_preset "$@"
}

make_venv() {
    exec 9> build/stamps/venv-lock
    flock 9
    cmp -s tests/requirements.txt build/stamps/requirements.txt && [ -x build/venv/bin/python ] && return 0
    /usr/bin/python3 -m venv --clear build/venv &&
        build/venv/bin/pip install -q --disable-pip-version-check --no-input -r tests/requirements.txt &&
        cp tests/requirements.txt build/stamps/requirements.txt
}

python_packages() {
    cmp -s tests/requirements.txt build/stamps/requirements.txt && [ -x build/venv/bin/python ] && return 0
    stage "python packages" 600 make_venv
}
