// What runs on the device: POSIX shell and nothing that a small Debian or BusyBox lacks. One process per runner, the keeper,
// holds a lock while it lives, owns the runner's folder from its making to its removal, and outlives the ssh connection.
// Every line that is meant for us begins with `drover:`, whatever a login shell may print besides.

/** Where an image has GitHub's runner, unpacked. A job gets a copy of it, so that none can change it for the next. */
export const installedRunner = '/opt/actions-runner'

/** How long the keeper waits for the configuration, and an idle runner for its job, in seconds. */
const configurationLimit = 300
const idleLimit = 3600
/** How long the words of a runner that ended without a job are kept for whoever started it, in seconds. */
const lastWordsLimit = 60

/**
 * Runs a script, its first argument, under an empty environment: nothing of sshd, of the login shell or of the device's
 * settings gets into the runner.
 */
export const launcher =
  'exec env -i HOME="$HOME" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c "$@"'

const common = `
umask 077
base=$HOME/.drover-runner
say() { printf 'drover:%s\\n' "$*"; }
# Whatever a runner and its job have started, also what left their process group: it has inherited this variable, or is in
# the runner's folder.
ours() {
  {
    grep -lsF DROVER_RUNNER= /proc/[0-9]*/environ
    ls -l /proc/[0-9]*/cwd /proc/[0-9]*/exe 2>/dev/null | grep -F " -> $base/"
  } 9<&- | sed 's|^.*/proc/\\([0-9]*\\)/.*|\\1|' 9<&-
}
signal() { for process in $(ours); do kill "-$1" "$process" 2>/dev/null; done; }
clean() {
  signal TERM
  tries=0
  while [ -n "$(ours)" ] && [ "$tries" -lt 4 ]; do sleep 1 9<&-; tries=$((tries + 1)); done
  signal KILL
  cd /
  chmod -R u+rwX "$base" 2>/dev/null
  rm -rf "$base"
}
`

/** What a runner needs to know of the device beforehand: `drover:<name>=<value>` lines. Arguments: the runner's folder. */
export const probeScript = `${common}
runner=$1
say "user=$(id -u)"
say "machine=$(uname -m)"
# the fifth byte of a program: 1 for 32 bits, 2 for 64; a 64-bit kernel may well have a 32-bit system
set -- $(od -An -tu1 -N5 /bin/sh 2>/dev/null)
say "class=\${5:-}"
[ -x "$runner/run.sh" ] && say runner=yes
for tool in setsid flock; do command -v "$tool" >/dev/null 2>&1 || say "missing=$tool"; done
size=$(du -sk "$runner" 2>/dev/null)
say "size=\${size%%[!0-9]*}"
say "free=$(df -Pk "$HOME" 2>/dev/null | { read -r _; read -r _ _ _ free _; printf %s "\${free:-}"; })"
# where update clients keep the device's type; Mender's folder may be closed to all but root
for file in /var/lib/mender/device_type /data/mender/device_type; do
  [ -r "$file" ] && say "type=$(sed -n 's/^device_type=//p' "$file" | head -n 1)"
done
[ -r /etc/rauc/system.conf ] && say "type=$(sed -n 's/^compatible=//p' /etc/rauc/system.conf | head -n 1)"
[ -r /etc/hwrevision ] && say "type=$(sed -n '1s/[[:space:]].*//p' /etc/hwrevision)"
exit 0
`

/**
 * The keeper. Says `busy <name>`, `failed <why>` or `ready`, then closes its outputs, which lets the connection go.
 * Arguments: the runner's name, the folder of the installed one, how long it may wait for a job, in seconds.
 */
const keeper = `${common}
name=$1 runner=$2 idle_limit=$3
pause() { sleep 1 9<&- & wait "$!"; }
[ -r "$runner/run.sh" ] || { say "failed $runner/run.sh can't be read"; exit 0; }
exec 9<"$runner/run.sh"
if ! flock -n 9; then
  say "busy $(cat "$base/name" 2>/dev/null)"
  exit 0
fi
if [ -e "$base" ]; then
  clean
  [ -e "$base" ] && { say "failed $base is of an earlier job and can't be removed"; exit 0; }
fi
leave() { trap '' TERM INT HUP; trap - EXIT; clean; exit 0; }
trap leave EXIT
trap 'exit 1' TERM INT HUP
mkdir -p "$base/runner" && printf '%s\\n' "$name" >"$base/name" && printf '%s\\n' "$$" >"$base/keeper" ||
  { say "failed $base can't be written: $(df -Pk "$HOME" | tail -n 1)"; exit 1; }
DROVER_RUNNER=1 cp -RPp "$runner/." "$base/runner" 2>"$base/log" 9<&- &
wait "$!" || { say "failed copying $runner: $(tail -n 1 "$base/log")"; exit 1; }
say ready || exit 1
exec >/dev/null 2>&1

waited=0
until [ -e "$base/configuration" ]; do
  waited=$((waited + 1))
  [ "$waited" -le ${configurationLimit} ] || exit 0
  pause
done
IFS= read -r ACTIONS_RUNNER_INPUT_JITCONFIG <"$base/configuration"
rm -f "$base/configuration"
: >"$base/log"
: >"$base/started"
(
  trap - EXIT TERM INT HUP
  exec 9<&-
  cd "$base/runner" || exit 1
  export DROVER_RUNNER=1 ACTIONS_RUNNER_INPUT_JITCONFIG
  ./run.sh </dev/null >"$base/log" 2>&1
  printf '%s\\n' "$?" >"$base/ended.new"
  mv "$base/ended.new" "$base/ended"
) &
child=$!
unset ACTIONS_RUNNER_INPUT_JITCONFIG

waited=0
until grep -qsF 'Running job: ' "$base/log"; do
  if [ -e "$base/ended" ]; then
    waited=0
    while [ "$waited" -lt ${lastWordsLimit} ]; do waited=$((waited + 1)); pause; done
    exit 0
  fi
  waited=$((waited + 1))
  [ "$waited" -le "$idle_limit" ] || exit 0
  pause
done
wait "$child"
exit 0
`

/** Starts the keeper and waits for its word. Arguments: as `prepareArguments` gives them. */
export const prepareScript = `${common}
# in the background: what is waited for is the end of its words, not its own
said=$(setsid /bin/sh -c "$1" drover "$2" "$3" "$4" </dev/null 2>&1 &)
printf '%s\\n' "$said"
`

/** The arguments of `prepareScript`, for a runner that may wait so many seconds for its job; an hour unless given. */
export function prepareArguments(name: string, runner: string, idleSeconds = idleLimit): string[] {
  return [keeper, name, runner, String(idleSeconds)]
}

/** Hands over the configuration, one line on standard input, whole or not at all. Arguments: the runner's name. */
export const handOverScript = `${common}
[ "$(cat "$base/name" 2>/dev/null)" = "$1" ] || { say gone; exit 0; }
IFS= read -r line || { say 'failed the configuration was cut off'; exit 0; }
printf '%s\\n' "$line" >"$base/configuration.new" && mv "$base/configuration.new" "$base/configuration" ||
  { say "failed $base can't be written"; exit 0; }
say taken
`

/** How a runner stands, and its last words. Arguments: the runner's name, the folder of the installed one. */
export const lookScript = `${common}
[ "$(cat "$base/name" 2>/dev/null)" = "$1" ] || { say state=gone; exit 0; }
[ -r "$2/run.sh" ] || { say state=gone; exit 0; }
exec 9<"$2/run.sh"
if flock -n 9; then say state=gone
elif [ -e "$base/ended" ]; then say "state=ended $(cat "$base/ended")"
elif [ -e "$base/started" ]; then say state=running
else say state=preparing
fi
tail -n 20 "$base/log" 2>/dev/null | sed 's/^/drover:log=/'
exit 0
`

/** Ends a runner and everything of it; says `gone` when nothing is left. Arguments: as `lookScript`'s. */
export const stopScript = `${common}
is_there() { [ "$(cat "$base/name" 2>/dev/null)" = "$1" ]; }
is_kept() { (exec 9<"$1/run.sh" && ! flock -n 9); }
[ -r "$2/run.sh" ] || { say gone; exit 0; }
# a keeper that was started a moment ago has the lock first, and then a name
tries=0
while [ ! -e "$base/name" ] && is_kept "$2" && [ "$tries" -lt 3 ]; do sleep 1; tries=$((tries + 1)); done
is_there "$1" || { say gone; exit 0; }
if is_kept "$2"; then
  kill -TERM "$(cat "$base/keeper")" 2>/dev/null
  tries=0
  while is_there "$1" && [ "$tries" -lt 12 ]; do sleep 1; tries=$((tries + 1)); done
else
  clean
fi
is_there "$1" && say "failed $base is still there" || say gone
`
