// Runs Ansible on a root file system: unpacked, changed and packed again in namespaces of its own, where nothing of it
// outlives the run and nothing of this machine shows but its kernel, its network and its clock.
import { open, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Context, Failure, runOk, start } from '../platform/platform.ts'
import { withForeign } from './foreign.ts'
import { isolated } from './isolation.ts'
import { fixedPlace } from './playbook-files.ts'
import { explainedPlaybook } from './playbook-failure.ts'
import type { Recipe } from './recipe.ts'

/** What a root file system with room for a playbook's packages takes, in bytes. */
export const playbookBytes = 1800 << 20

export interface PlaybookRun {
  recipe: Recipe
  arch: string
  /** Filled by `writePlaybookFiles`. */
  work: string
  /** The root file system before, a tar file, and the new tar file for what it is afterwards. */
  from: string
  into: string
  /** Given to everything that the playbooks write, in seconds since 1970. */
  time: number
}

/**
 * Runs the recipe's playbooks in their order. Throws `build-failed` with the task's name and message, `missing-rights`,
 * `missing-tool`, `disk-full`; after an abort no process of it is left.
 */
export async function runPlaybooks(run: PlaybookRun, context: Context): Promise<void> {
  await withForeign(run.arch, context, () => runIsolated(run, context))
}

/** How the installed Ansible calls itself. `folder` takes what it writes. Throws `build-failed` where it doesn't run. */
export async function ansibleVersion(folder: string): Promise<string> {
  const config = join(folder, 'ansible.cfg')
  await writeFile(config, '[defaults]\n')
  const env = { ANSIBLE_CONFIG: config, ANSIBLE_HOME: folder, ANSIBLE_LOCAL_TEMP: folder }
  const given = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  const said = await runOk('env', [...hidden(), ...given, 'ansible-playbook', '--version'], {
    what: 'asking Ansible for its version',
    reason: 'build-failed',
  })
  return said.split('\n')[0] ?? ''
}

const playbookFailed = 99
const mark = '@@ playbook '

async function runIsolated({ recipe, work, from, into, time }: PlaybookRun, context: Context): Promise<void> {
  const { log, signal } = context
  const inMemory = process.availableMemory() > 3 * playbookBytes
  const size = inMemory ? String(playbookBytes) : '0'
  const names = recipe.playbooks.map(({ playbook }) => basename(playbook))
  const args = ['sh', '-c', script, 'sh', work, into, size, String(time), recipe.name, ...names]
  const [program = '', ...rest] = [...asRoot(), 'unshare', '--uts', '--', 'env', ...hidden(), ...args]
  const said: string[] = []
  await using input = await open(from, 'r')
  const { code, stderr } = await start(program, rest, {
    env: settings(time),
    input: input.fd,
    signal,
    onLine: (line) => {
      said.push(line)
      const task = /^(?:TASK|RUNNING HANDLER) \[(.*)\] \**$/.exec(line)?.[1]
      if (task === undefined) log.debug(line)
      else log.info(`playbook: ${task}`)
    },
  }).done
  const runs = said.join('\n').split(mark).slice(1)
  if (code !== 0) {
    const playbook = names[runs.length - 1] ?? ''
    throw explainedPlaybook({
      said: runs.at(-1) ?? '',
      stderr,
      code,
      playbook,
      isOurs: code !== playbookFailed,
    })
  }
  for (const [index, text] of runs.entries()) {
    if (/^image\s+: ok=[1-9]/m.test(text)) continue
    throw new Failure(
      'build-failed',
      `the playbook ${names[index]} did nothing: give its play \`hosts: all\`, or \`hosts: image\`, and a task`,
    )
  }
}

/** Root's namespaces; without root those of a user who is root in there, which end with this process too. */
function asRoot(): string[] {
  if (process.getuid?.() === 0) return isolated()
  const own = ['--user', '--map-root-user', '--map-auto', '--mount', '--pid', '--fork', '--kill-child']
  return [...isolated(), 'unshare', ...own, '--mount-proc', '--']
}

/** What a run is given of this process's environment: where its programs are, and the way into the network. */
const passed =
  /^(PATH|HOME|LC_ALL|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY|PYTHONUSERBASE|SSL_CERT_(FILE|DIR))$/

function hidden(): string[] {
  return Object.keys(process.env)
    .filter((name) => !passed.test(name))
    .flatMap((name) => (Object.hasOwn(settings(0), name) ? [] : ['-u', name]))
}

function settings(time: number): Record<string, string> {
  return {
    ANSIBLE_CONFIG: `${fixedPlace}/ansible/ansible.cfg`,
    ANSIBLE_HOME: `${fixedPlace}/ansible/home`,
    PYTHONDONTWRITEBYTECODE: '1',
    SOURCE_DATE_EPOCH: String(time),
    TMPDIR: `${fixedPlace}/ansible/tmp`,
    TZ: 'UTC',
  }
}

// The image's own links must not lead a mount elsewhere: the caller has seen to it that these four are folders.
const script = `
set -eu
work=$1 into=$2 size=$3 time=$4 name=$5
shift 5
hostname "$name" || true
exec 3>"$into"
mount --bind "$work" ${fixedPlace}
cd ${fixedPlace}
[ "$size" = 0 ] || mount -t tmpfs -o "mode=755,size=$size" tmpfs root
tar --extract --file=- --directory root --preserve-permissions --same-owner --numeric-owner --xattrs '--xattrs-include=*'
exec </dev/null
mount -t proc proc root/proc
mount -t tmpfs -o mode=755 tmpfs root/dev
for node in null zero full random urandom tty; do
  : > "root/dev/$node"
  mount --bind "/dev/$node" "root/dev/$node"
done
mkdir root/dev/pts root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
mount -t tmpfs -o mode=755 tmpfs root/run
mount -t tmpfs -o mode=1777 tmpfs root/tmp
mkdir root/run/drover
cp run/* root/run/drover/
: > before
number=0
for playbook in "$@"; do
  echo "${mark}$playbook"
  cd "${fixedPlace}/playbooks/$number"
  export ANSIBLE_ROLES_PATH="$PWD/roles" ANSIBLE_COLLECTIONS_PATH="$PWD/collections"
  vars="${fixedPlace}/vars/$number.yml"
  if [ -e "$vars" ]; then ansible-playbook --extra-vars "@$vars" "$playbook" || exit ${playbookFailed}
  else ansible-playbook "$playbook" || exit ${playbookFailed}
  fi
  number=$((number + 1))
done
cd ${fixedPlace}
# a service that a package has started would go on writing
kill -KILL -1 2>/dev/null || true
umount --recursive --lazy root/proc root/dev root/run root/tmp
find root -xdev -newer before -cnewer before -exec touch --no-dereference --date="@$time" {} +
tar --create --file=- --directory root --sort=name --numeric-owner --format=posix --xattrs '--xattrs-include=*' --one-file-system . >&3
`
