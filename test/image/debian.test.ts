// The example's image, really built: Debian from a mirror by mmdebstrap the first time, from the user's cache after that.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { type BuiltImage, buildImage } from '../../src/image/image.ts'
import { digestOfFile, plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { ask, output } from './workshop.ts'

const recipe = join(import.meta.dirname, '../../examples/os/image.yml')
const skip = needs('root', 'mmdebstrap', 'mke2fs', 'debugfs', 'e2fsck', 'git', 'mount')
const folder = mkdtempSync(join(tmpdir(), 'drover-test-'))
let built: BuiltImage

before(async () => {
  if (!skip) built = await buildImage({ recipe, output: join(folder, 'image') }, plainContext())
})
after(() => rmSync(folder, { recursive: true, force: true }))

test(
  'the example’s image is a clean ext4 file system with what an updatable device needs',
  { skip },
  async () => {
    await output('/usr/sbin/e2fsck', '-f', '-n', built.rootfs)
    for (const path of [
      '/usr/sbin/sshd',
      '/usr/bin/python3.11',
      '/usr/bin/mender',
      '/usr/sbin/virtual-init',
      '/data',
    ]) {
      assert.match(await ask(built.rootfs, `stat ${path}`), /Inode/, path)
    }
    assert.match(await ask(built.rootfs, 'stat /usr/sbin/poweroff'), /Fast link dest: "reboot"/)
    assert.match(
      await ask(built.rootfs, 'cat /etc/mender/artifact_info'),
      new RegExp(`^artifact_name=${built.version}\n$`),
    )
    assert.doesNotMatch(await ask(built.rootfs, 'ls /etc/ssh'), /ssh_host/)
    assert.doesNotMatch(await ask(built.rootfs, 'cat /etc/shadow'), /:\$/)
    assert.match(built.version, /^example-os-\d{8}T\d{4}-[0-9a-f]{12}$/)
    assert.ok(built.packages > 80)
  },
)

test('the file system holds exactly what the base system’s tar file held', { skip }, async () => {
  // the kernel's own view of the image, in a mount namespace that goes with the command
  // usr/lib/mender-configure is the recipe's own
  const list =
    'cd /mnt && find usr/lib usr/bin -path usr/lib/mender-configure -prune -o -type f -exec sha256sum {} + | sort -k 2 | sha256sum'
  const mounted = (image: string) => `mount -o loop,ro ${image} /mnt && ${list}`
  const isolated = ['--mount', '--propagation', 'private', 'sh', '-c']
  const seen = await output('unshare', ...isolated, mounted(built.rootfs))
  // its description is touched by each use
  const [about = ''] = execFileSync(
    'sh',
    ['-c', 'ls -t "${XDG_CACHE_HOME:-$HOME/.cache}"/drover/images/*.json'],
    { encoding: 'utf8' },
  ).split('\n')
  const unpacked = join(folder, 'unpacked')
  await output('mkdir', unpacked)
  await output('tar', '-C', unpacked, '-xf', about.replace(/json$/, 'tar'), './usr/lib', './usr/bin')
  // the one file there that the image has changed
  const release = await ask(built.rootfs, 'cat /usr/lib/os-release')
  writeFileSync(join(unpacked, 'usr/lib/os-release'), release)
  assert.equal(await output('sh', '-c', list.replace('/mnt', unpacked)), seen)
})

test('a second build has the same bytes and takes its base system from the cache', { skip }, async (t) => {
  const startedAt = performance.now()
  const again = await buildImage({ recipe, output: join(folder, 'again') }, plainContext())
  t.diagnostic(`${Math.round(performance.now() - startedAt)} ms`)
  assert.equal(again.cacheHit, true)
  if (again.version === built.version) assert.equal(again.sha256, built.sha256)
  // somebody may have committed meanwhile: then only the name and the times differ
  else assert.equal(again.version.slice(-12), built.version.slice(-12))
  assert.equal(await digestOfFile(again.rootfs), again.sha256)
})

test('a package that doesn’t exist is named', { skip: skip || withoutMirror() }, async () => {
  const path = join(folder, 'wrong.yml')
  writeFileSync(path, 'name: wrong\nsuite: bookworm\npackages: [no-such-package-anywhere]\n')
  await assert.rejects(
    buildImage({ recipe: path, output: join(folder, 'wrong'), cache: 'none' }, plainContext()),
    {
      reason: 'build-failed',
      message: /^bookworm for \w+ has no package no-such-package-anywhere .*correct `packages`/,
    },
  )
})

test(
  'a build that is aborted leaves no process, mount or temporary folder',
  { skip: skip || withoutMirror() },
  async () => {
    const path = join(folder, 'aborted.yml')
    writeFileSync(path, 'name: aborted\nsuite: bookworm\npackages: [iproute2]\n')
    const abort = new AbortController()
    let said = ''
    const log = {
      ...plainContext().log,
      // in the middle of unpacking, when the new system's /proc and /dev are in use
      debug: (line: string) => {
        said += `${line}\n`
        if (line.startsWith('Setting up libc6')) abort.abort(new Error('enough'))
      },
    }
    const context = plainContext({ signal: abort.signal, log })
    const building = buildImage(
      { recipe: path, output: join(folder, 'aborted'), cache: join(folder, 'cache') },
      context,
    )
    await assert.rejects(building, /enough/)
    assert.match(said, /installing essential packages/)
    const mark = `-${process.pid}-`
    assert.deepEqual(
      readdirSync(tmpdir()).filter((name) => name.startsWith('image.drover-') && name.includes(mark)),
      [],
    )
    assert.deepEqual(readdirSync(join(folder, 'cache')), [])
    assert.doesNotMatch(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(`image.drover-\\d+${mark}`))
    assert.deepEqual(processesNaming(`image.drover-\\d+${mark}`), [])
  },
)

/** Numbers of the processes whose arguments, environment or root match. */
function processesNaming(pattern: string): string[] {
  const wanted = new RegExp(pattern)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) =>
      ['cmdline', 'environ'].some((file) => wanted.test(readOrNothing(`/proc/${pid}/${file}`))),
    )
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function withoutMirror(): false | string {
  try {
    execFileSync('sh', ['-c', "apt-get indextargets --format '$(SITE) $(RELEASE)' | grep -q bookworm"])
    return false
  } catch {
    return 'needs an apt source for bookworm'
  }
}

test(
  'a machine without any network builds from the cache, and says that it may be out of date',
  { skip: skip || needs('unshare') },
  async () => {
    const script = `
      const { buildImage } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/image/image.ts'))})
      const { plainContext } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/platform/platform.ts'))})
      const log = { info() {}, debug() {}, warn: console.error, group: (title, work) => work() }
      const built = await buildImage({ recipe: ${JSON.stringify(recipe)}, output: ${JSON.stringify(join(folder, 'offline'))} }, plainContext({ log }))
      console.log(JSON.stringify(built))`
    const isolated = ['--net', '--', process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = await promisify(execFile)('unshare', isolated)
    assert.match(stderr, /no mirror can be reached: using the newest base system from the cache/)
    const offline = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as BuiltImage
    assert.equal(offline.version.slice(-12), built.version.slice(-12))
    assert.equal(offline.cacheHit, true)
  },
)
