#!/bin/sh
# A stand-in for the program of GitHub's runner, which can't be had here: no job is run by it. It writes down how it was
# started, says what the real one says, and does as the file `mode` in its record asks. A test plays GitHub's part.
record=/var/tmp/stand-in
sh_of() { readlink "/proc/$1/exe"; }
{
  tr '\0' '\n' <"/proc/$$/environ" | sort >"$record/environment"
  tr '\0' '\n' <"/proc/$$/cmdline" >"$record/arguments"
  sh_of "$PPID" >"$record/parent"
  tr '\0' ' ' <"/proc/$PPID/cmdline" >"$record/parent-arguments"
  pwd >"$record/folder"
  id -un >"$record/account"
}
printf '%s' "$ACTIONS_RUNNER_INPUT_JITCONFIG" | sha256sum | cut -c1-64 >"$record/configuration-digest"
unset ACTIONS_RUNNER_INPUT_JITCONFIG
case $(cat "$record/mode") in
leaks)
  tr '\0' '\n' <"/proc/$$/environ" | grep JITCONFIG
  echo "An error occurred: Not configured. Run config.(sh/cmd) to configure the runner."
  exit 1
  ;;
esac
echo 'Connected to GitHub'
echo 'Current runner version: stand-in'
echo 'Listening for Jobs'
mkdir -p _work/repository
echo 'of a job' >_work/repository/file
[ "$(cat "$record/mode")" = offline ] || cp ../name "$record/online"
until [ -e "$record/job" ]; do sleep 0.1; done
echo "2026-01-01 00:00:00Z: Running job: test"
# what a job leaves behind: in its process group, and out of it
sleep 4000 &
setsid sleep 4000 &
env -i /bin/setsid /bin/sleep 4000 &
# and what would give it to the next one
echo 'echo changed' >>run.sh
until [ "$(cat "$record/job")" = over ]; do sleep 0.1; done
echo "2026-01-01 00:00:10Z: Job test completed with result: Succeeded"
exit 0
