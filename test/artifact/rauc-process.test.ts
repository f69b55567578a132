import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { chmod, mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isInstalled } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'
import { failure } from './failure.ts'
import { folderWithImage, judge, signer, withoutRauc, writeIn } from './rauc.ts'

test('what is missing is named with its package, before any work', { skip: withoutRauc }, async (t) => {
  const folder = await folderWithImage(t)
  const bin = join(folder, 'bin')
  await mkdir(bin)
  for (const program of ['openssl', 'prlimit', 'rauc']) {
    const path = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()
    await symlink(path, join(bin, program))
  }
  const old = process.env['PATH']
  undo(t, () => (process.env['PATH'] = old))
  process.env['PATH'] = bin
  assert.ok(!isInstalled('mksquashfs'))
  const expected = failure('missing-tool', /mksquashfs, unsquashfs.*apt-get install squashfs-tools$/)
  await assert.rejects(writeIn(folder, { source: join(folder, 'none') }), expected)
  rmSync(join(bin, 'rauc'))
  await assert.rejects(writeIn(folder), failure('missing-tool', /install rauc squashfs-tools$/))
})

test(
  'the key is in no argument, no variable and no file that has a name',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    const temporary = await temporaryFolder(t)
    const [seen, bin] = [join(folder, 'seen'), join(folder, 'bin')]
    await mkdir(bin)
    const real = execFileSync('sh', ['-c', 'command -v rauc'], { encoding: 'utf8' }).trim()
    // what anybody could see while rauc runs
    const spy = `#!/bin/sh
{ cat /proc/$$/cmdline /proc/$$/environ; find "${folder}" "${temporary}" /dev/shm -type f -size -100k -exec cat {} +; } >> "${seen}.part" 2> /dev/null
mv "${seen}.part" "${seen}"
exec ${real} "$@"
`
    await writeFile(join(bin, 'rauc'), spy)
    await chmod(join(bin, 'rauc'), 0o755)
    const old = { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'] }
    undo(t, () => {
      process.env['PATH'] = old.PATH
      if (old.TMPDIR === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = old.TMPDIR
    })
    process.env['PATH'] = `${bin}:${old.PATH}`
    process.env['TMPDIR'] = temporary
    const { path } = await writeIn(folder)
    assert.ok(judge('info', path).isTaken)
    const told = readFileSync(seen, 'latin1')
    assert.match(told, /--key=\/proc\//)
    assert.match(told, /BEGIN CERTIFICATE/) // it saw the folder
    assert.ok(!told.includes('PRIVATE KEY'))
    assert.ok(!told.includes(signer.key.split('\n')[1] ?? ''))
    assert.deepEqual(await readdir(temporary), [])
  },
)

test(
  'a writer that is killed leaves nothing that the next one doesn’t remove',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    await truncate(join(folder, 'rootfs.ext4'), 1_000_000_000)
    await writeFile(join(folder, 'key.pem'), signer.all)
    const script = `
    import { readFileSync } from 'node:fs'
    import { writeRauc } from '${join(import.meta.dirname, '../../src/artifact/artifact.ts')}'
    import { plainContext } from '${join(import.meta.dirname, '../../src/platform/platform.ts')}'
    const signing = { key: readFileSync('key.pem', 'utf8') }
    await writeRauc({ source: 'rootfs.ext4', output: 'release.raucb', name: 'a', deviceTypes: ['board'],
      compression: 'gzip', signing }, plainContext())`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let told = ''
    child.stderr.on('data', (text) => (told += String(text)))
    undo(t, () => child.kill('SIGKILL'))
    const left = () => readdirSync(folder).find((name) => name.startsWith('.rauc.'))
    const group = await until(
      'rauc at work',
      () => {
        const name = left()
        const found = name === undefined ? [] : raucAt(join(folder, name))
        return found.length > 0 && found
      },
      20_000,
      () => told,
    )
    child.kill('SIGKILL')
    await once(child, 'exit')
    for (const pid of group) process.kill(pid, 'SIGKILL')
    assert.ok(left(), 'it was killed before its end')
    assert.ok(!readdirSync(folder).includes('release.raucb'))
    await truncate(join(folder, 'rootfs.ext4'), 600_000)
    await writeIn(folder)
    assert.deepEqual((await readdir(folder)).sort(), ['key.pem', 'release.raucb', 'rootfs.ext4'])
  },
)

/** The processes that work on this folder: what we started, to be ended by its number. */
function raucAt(folder: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(folder)
        ? [Number(name)]
        : []
    } catch {
      return []
    }
  })
}
