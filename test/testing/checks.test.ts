import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Connection, connect } from '../../src/device/device.ts'
import { type Failure, plainContext } from '../../src/platform/platform.ts'
import { type TestRun, readTestPlan, runTests } from '../../src/testing/testing.ts'
import { cannotBoot } from '../support/base-image.ts'
import { bootDevice } from '../support/devices.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const context = plainContext()
const busybox = existsSync('/usr/bin/busybox') ? '/usr/bin/busybox' : '/bin/busybox'

test('all kinds of checks pass on a device that is as they say', { skip: cannotBoot }, async (t) => {
  const { connection } = await bootDevice(t)
  await connection.run('sh', [
    '-c',
    "mkdir '/data/a b'; ln -s /etc/hostname /data/link; printf 'x $y' > '/data/a b/it'\\''s'",
  ])
  const run = await runChecks(
    t,
    connection,
    `
mounts:
  /: { type: ext4, options: [rw] }
  /data:
ports:
  tcp/22:
  tcp/23: { listening: false }
packages:
  openssh-server: { version: "1:*+deb*" }
  python3:
  telnetd: { installed: false }
files:
  /etc/hostname: { type: file, mode: "0644", owner: root, group: "0" }
  /data/link: { type: link }
  /etc/ssh/sshd_config: { contains: Subsystem, lacks: [PermitRootLogin yes, "no such line"] }
  "/data/a b/it's": { contains: x $y }
  /root/.rhosts: { exists: false }
commands:
  - run: [uname, -s]
    contains: Linux
    lacks: [Windows, "'"]
  - name: a status of its own
    run: [sh, -c, "exit 3"]
    status: 3
  - name: arguments stay what they are
    run: [printf, "%s|", "a b", "$(id)", "it's", "*", "\\\\"]
    contains: "a b|$(id)|it's|*|\\\\|"
  - name: a number
    run: [echo, "took 12.5 ms, of 99"]
    measure: { name: latency, unit: ms, after: "took " }
disk:
  /data: { free: 1% }
memory: { available: 1MiB }
`,
  )
  assert.deepEqual(failures(run), [])
  assert.equal(run.result, 'pass')
  assert.equal(run.passed, 18)
  const latency = run.measures.find(({ name }) => name === 'latency')
  assert.deepEqual([latency?.value, latency?.unit], [12.5, 'ms'])
  assert.deepEqual(run.measures.map(({ name }) => name).sort(), ['disk-used:/data', 'latency', 'memory-used'])
})

test(
  'each kind of check fails on its line, and says what is there instead',
  { skip: cannotBoot },
  async (t) => {
    const { connection } = await bootDevice(t)
    const run = await runChecks(
      t,
      connection,
      `mounts:
  /: { type: btrfs, options: [ro] }
  /nowhere:
ports:
  tcp/22: { listening: false }
  udp/9:
  tcp/22 :
packages:
  openssh-server: { version: "9*" }
  python3: { installed: false }
  telnetd:
files:
  /etc/hostname: { type: directory, mode: "0600", owner: daemon }
  /etc/ssh/sshd_config: { contains: no such line, lacks: Subsystem }
  /nowhere: { contains: x }
  /root: { exists: false }
commands:
  - { name: wrong status, run: [sh, -c, "echo why; exit 7"] }
  - { name: not there, run: [no-such-program] }
  - { name: too long, run: [sleep, "20"], timeout: 1s }
  - { name: no number, run: [echo, none], measure: { name: x } }
disk:
  /: { free: 999GiB }
  /nowhere: { free: 1% }
memory: { available: 100% }
`.replace('  tcp/22 :\n', ''),
    )
    assert.equal(run.result, 'fail')
    assert.equal(run.passed, 0)
    const found = Object.fromEntries(
      run.cases.map(({ suite, name, line, message }) => [`${suite} ${name} ${line}`, message]),
    )
    const wanted: Record<string, RegExp> = {
      'checks.mounts / 2': /^it is ext4, not btrfs; it lacks ro: its options are rw/,
      'checks.mounts /nowhere 3': /^nothing is mounted at \/nowhere$/,
      'checks.ports tcp/22 5': /^something listens on tcp\/22$/,
      'checks.ports udp/9 6': /^nothing listens on udp\/9$/,
      'checks.packages openssh-server 8': /^its version is 1:\S+, not 9\*$/,
      'checks.packages python3 9': /^it is installed \(3\.\S+\)$/,
      'checks.packages telnetd 10': /^it is not installed$/,
      'checks.files /etc/hostname 12':
        /^it is a file, not a directory; its mode is 0644, not 0600; its owner is root, not daemon$/,
      'checks.files /etc/ssh/sshd_config 13': /^"no such line" is not in it; "Subsystem" is in it$/,
      'checks.files /nowhere 14': /^it doesn't exist$/,
      'checks.files /root 15': /^it exists$/,
      'checks.commands wrong status 17': /^its exit status is 7, not 0: why$/,
      'checks.commands not there 18': /^its exit status is 127, not 0: .*no-such-program/,
      'checks.commands too long 19': /^it did not end within 1 s$/,
      'checks.commands no number 20': /^there is no number to measure in its output$/,
      'checks.disk / 22': /^\d+ MiB of \d+ MiB \(\d+ %\) are free; 999GiB have to be$/,
      'checks.disk /nowhere 23': /^df gave no answer .*No such file/,
      'checks.memory available 24': /^\d+ MiB of \d+ MiB \(\d+ %\) are available; 100% have to be$/,
    }
    assert.deepEqual(Object.keys(found), Object.keys(wanted))
    for (const [key, pattern] of Object.entries(wanted)) assert.match(found[key] ?? '', pattern, key)
  },
)

test(
  'a device without systemd says so: its services and its boot time never pass',
  { skip: cannotBoot },
  async (t) => {
    const { connection } = await bootDevice(t)
    const run = await runChecks(
      t,
      connection,
      'services: { ssh: , telnet: { running: false } }\nboot-time: 30s\n',
    )
    assert.equal(run.result, 'fail')
    assert.equal(run.failed, 3)
    for (const { message } of run.cases) assert.match(message, /this device doesn't run systemd/)
  },
)

test('services and boot time are what systemd says of them', { skip: cannotBoot }, async (t) => {
  const { connection } = await bootDevice(t)
  // systemctl's own form; a virtual device has no systemd to ask
  const systemctl = `#!/bin/sh
show() { printf 'LoadState=%s\\nActiveState=%s\\nSubState=%s\\nUnitFileState=%s\\nNRestarts=%s\\n' "$@"; }
case "$*" in
*FinishTimestampMonotonic) echo FinishTimestampMonotonic=12345678;;
*\\ good.service) show loaded active running enabled 0;;
*\\ dead.service) show loaded failed failed disabled 5;;
*\\ tick.timer) show loaded active waiting static 0;;
*) show not-found inactive dead '' 0;;
esac
`
  const install =
    'mkdir -p /run/systemd/system && printf %s "$1" >/usr/bin/systemctl && chmod +x /usr/bin/systemctl'
  assert.equal((await connection.run('sh', ['-c', install, 'sh', systemctl])).code, 0)
  const run = await runChecks(
    t,
    connection,
    `services:
  good: { enabled: true, max-restarts: 0 }
  tick.timer: { enabled: true }
  absent: { running: false }
  dead: { enabled: true, max-restarts: 4 }
  missing:
boot-time: 12s
`,
  )
  assert.deepEqual(failures(run), [
    'dead: it is failed (failed); it is disabled, not enabled; it was restarted 5 times; 4 are the limit',
    'missing: there is no missing.service',
    'boot-time: the start took 12.346 s; 12s are the limit',
  ])
  assert.equal(run.measures.find(({ name }) => name === 'boot-time')?.value, 12.346)
})

test(
  "busybox's programs are enough, and dash's or busybox's shell",
  { skip: needs('busybox', 'chroot', 'root') || needsStatic() },
  async (t) => {
    const { connection } = await busyboxDevice(t)
    const run = await runChecks(
      t,
      connection,
      `
mounts: { /proc: { type: proc } }
ports: { tcp/1: { listening: false } }
files:
  /etc/os-release: { type: file, mode: "0644", owner: root, contains: "it's", lacks: nothing }
  /nowhere: { exists: false }
  /bin: { type: directory }
commands:
  - { run: [cat, /etc/os-release], contains: small }
  - { name: ends, run: [sleep, "20"], timeout: 1s, status: 143 }
memory: { available: 1% }
packages: { busybox: }
`,
    )
    assert.deepEqual(failures(run), [
      'busybox: this device has none of dpkg-query, rpm, opkg and apk, so nothing is known of its packages',
    ])
    assert.equal(run.passed, 9 - 1)
    assert.equal(run.release, 'small-1')
  },
)

test(
  'packages are asked of rpm, opkg and apk too, and a list that can not be read is no answer',
  { skip: cannotBoot },
  async (t) => {
    const file =
      'packages:\n  have: { version: "1.2-*" }\n  gone: { installed: false }\n  other: { installed: false }\n'
    // what each of them prints of a package that is there, of one that isn't, and where its list is broken
    const programs: Record<string, string> = {
      rpm: 'case $5 in have) echo "installed 1.2-3.fc40";; gone) echo "package $5 is not installed"; exit 1;; *) echo "error: cannot open Packages database" >&2; exit 1;; esac',
      opkg: 'case $2 in have) echo "have - 1.2-r0";; gone) ;; *) echo "cannot read"; exit 255;; esac',
      apk: 'case "$1 $3" in "info have") ;; "list have") echo "have-1.2-r5 x86_64 {have} (MIT) [installed]";; "info gone") exit 1;; *) exit 99;; esac',
    }
    const { connection } = await bootDevice(t)
    const install =
      'mv /var/lib/dpkg/status /tmp 2>/dev/null; mkdir -p /var/lib/rpm; rm -f /usr/bin/rpm /usr/bin/opkg /usr/bin/apk; printf "#!/bin/sh\\n%s\\n" "$2" >"/usr/bin/$1"; chmod +x "/usr/bin/$1"'
    for (const [program, script] of Object.entries(programs)) {
      assert.equal((await connection.run('sh', ['-c', install, 'sh', program, script])).code, 0)
      const run = await runChecks(t, connection, file)
      assert.equal(run.passed, 2, `${program}: ${failures(run).join(' / ')}`)
      assert.match(failures(run)[0] ?? '', /^other: the list of packages gave no answer/, program)
    }
  },
)

test('all that is wrong with a file is told at once, each with its line', async (t) => {
  const path = await checksFile(
    t,
    `mounts:
  data:
ports:
  tcp/99999:
  ssh:
files:
  /a: { mode: 0644 }
  /b: { exists: false, mode: "0644" }
  /c: { contain: x }
commands:
  - run: echo
  - { run: [a] }
  - { run: [a] }
`,
  )
  const problems = await problemsOf(path)
  assert.deepEqual(
    problems.map(({ line }) => line),
    [2, 5, 7, 9, 11],
  )
  const semantic = await checksFile(
    t,
    `ports:
  tcp/99999:
files:
  /b: { exists: false, mode: "0644" }
commands:
  - { run: [a] }
  - { run: [a] }
measurements:
  limits:
    x: { worse-by: 10% }
`,
  )
  assert.deepEqual(
    (await problemsOf(semantic)).map(({ line }) => line),
    [2, 4, 7],
  )
  for (const empty of ['retries: 1\n', '{}', 'files: {}\n'])
    assert.match((await problemsOf(await checksFile(t, empty)))[0]?.message ?? '', /no check in it/)
})

test('many checks take few round trips, whatever their texts hold', async (t) => {
  const local = await connect('local:', { context })
  let trips = 0
  const counted: Connection = {
    ...local,
    run: async (program, args, options) => {
      trips++
      return await local.run(program, args, options)
    },
  }
  const before = trips
  const lines = Array.from(
    { length: 120 },
    (_, i) =>
      `  - { name: "n${i}", run: [printf, "%s", "${i} ' \\" $x \`y\` -- end 0 0"], contains: "${i} ' \\" $x \`y\` -- end 0 0" }`,
  )
  const run = await runChecks(t, counted, `commands:\n${lines.join('\n')}\n`)
  assert.deepEqual(failures(run), [])
  assert.equal(run.passed, 120)
  assert.ok(trips - before <= 5, `${trips - before} round trips`)
  // an argument of more than a shell's line could carry in one batch
  const long = 'x'.repeat(15_000)
  const large = await runChecks(
    t,
    counted,
    `commands:\n${Array.from({ length: 12 }, (_, i) => `  - { name: "n${i}", run: [echo, "${long}"] , contains: xxx }`).join('\n')}\n`,
  )
  assert.equal(large.passed, 12)
})

test('what a command prints without end is cut, and hides nothing after it', async (t) => {
  const local = await connect('local:', { context })
  const run = await runChecks(
    t,
    local,
    `commands:
  - { name: much, run: [sh, -c, "yes | head -c 3000000; echo last"], contains: y }
  - { name: after, run: [echo, here], contains: here }
`,
  )
  assert.deepEqual(failures(run), [])
})

async function checksFile(t: TestContext, text: string): Promise<string> {
  const path = join(await temporaryFolder(t), 'checks.yml')
  await writeFile(path, text)
  return path
}

async function runChecks(t: TestContext, connection: Connection, text: string): Promise<TestRun> {
  const output = join(await temporaryFolder(t), 'results')
  return await runTests(connection, { tests: await checksFile(t, text), output }, context)
}

async function problemsOf(path: string) {
  const failure = await readTestPlan(path).then(
    () => assert.fail('it was taken'),
    (error: Failure) => error,
  )
  assert.equal(failure.reason, 'invalid-file', failure.message)
  return failure.problems
}

const failures = ({ cases }: TestRun) =>
  cases.flatMap(({ result, name, message }) => (result === 'failed' ? [`${name}: ${message}`] : []))

/** What is linked with libraries finds none of them in a root of its own. */
function needsStatic(): false | string {
  const { stdout, stderr } = spawnSync('ldd', [busybox], { encoding: 'utf8' })
  return /not a dynamic executable|statically linked/.test(stdout + stderr) ? false : 'needs a static busybox'
}

/** A system that has nothing but busybox, entered by chroot. */
async function busyboxDevice(t: TestContext): Promise<{ connection: Connection }> {
  const root = await temporaryFolder(t)
  for (const folder of ['bin', 'proc', 'etc', 'tmp', 'dev']) await mkdir(join(root, folder))
  await copyFile(busybox, join(root, 'bin/busybox'))
  execFileSync('chroot', [root, '/bin/busybox', '--install', '-s', '/bin'])
  await writeFile(join(root, 'etc/os-release'), `PRETTY_NAME="a small one, it's"\nIMAGE_VERSION=small-1\n`)
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n')
  const local = await connect('local:', { context })
  const enter = 'r=$1; shift; mount -t proc proc "$r/proc" && PATH=/bin exec /usr/sbin/chroot "$r" "$@"'
  const inside = ['--mount', '--propagation', 'private', 'sh', '-c', enter, 'sh', root]
  execFileSync('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3'])
  return {
    connection: {
      ...local,
      release: async () =>
        /IMAGE_VERSION=(.*)/.exec(await readFile(join(root, 'etc/os-release'), 'utf8'))?.[1],
      run: (program, args = [], options = {}) => local.run('unshare', [...inside, program, ...args], options),
    },
  }
}
