import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { type VirtualDevice, startVirtualDevice } from '../../src/device/device.ts'
import { Failure, digestOf, plainContext } from '../../src/platform/platform.ts'
import { baseImage, cannotBoot } from '../support/base-image.ts'
import { bootDevice, folderWithTwoSystems, remainsOf, until } from '../support/devices.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const skip = cannotBoot

test(
  'a device boots to ssh with its own root, serial number, host name and nothing of this machine',
  { skip },
  async (t) => {
    const { connection } = await bootDevice(t, { serial: 'SN-42', deviceType: 'board' })
    const said = async (...words: [string, ...string[]]) =>
      (await connection.run(words[0], words.slice(1))).stdout
    assert.equal(await said('findmnt', '-n', '-o', 'SOURCE,FSTYPE', '/'), '/dev/mmcblk0p2 ext4\n')
    assert.match(await said('findmnt', '-n', '-o', 'OPTIONS', '/'), /\bnoatime\b/)
    assert.match(await said('findmnt', '-n', '-o', 'OPTIONS', '/sys'), /^ro\b/)
    assert.equal(await said('cat', '/data/serial'), 'SN-42\n')
    assert.equal(await said('cat', '/data/mender/device_type'), 'device_type=board\n')
    assert.equal(await said('hostname'), 'SN-42\n')
    assert.match(await said('cat', '/data/mender/mender-agent.pem'), /^-----BEGIN RSA PRIVATE KEY-----/)
    const nodes = (await said('ls', '/dev')).trim().split('\n')
    const wanted = 'fd full mmcblk0p2 mmcblk0p3 null ptmx pts random shm stderr stdin stdout tty urandom zero'
    assert.deepEqual(nodes, wanted.split(' '))
    assert.equal(
      await said('sh', '-c', 'ls /run/old-root 2>&1 | wc -l; grep -c " /run/old-root" /proc/mounts'),
      '1\n0\n',
    )
  },
)

test('slots are as large as asked for', { skip }, async (t) => {
  const { connection } = await bootDevice(t, { slotBytes: 300 << 20 })
  const { stdout } = await connection.run('sh', [
    '-c',
    'cat /sys/dev/block/$(stat -c %Hr:%Lr /dev/mmcblk0p3)/size',
  ])
  assert.equal(Number(stdout) * 512, 300 << 20)
})

test('a reboot alone starts the same slot again', { skip }, async (t) => {
  const { connection, device } = await bootDevice(t)
  await connection.reboot({ limitMs: 20_000 })
  assert.equal(await rootOf(connection), '/dev/mmcblk0p2')
  assert.deepEqual(historyOf(device), ['boot 2', 'reboot', 'boot 2'])
})

test('an update that is confirmed in its trial stays', { skip }, async (t) => {
  const { connection, device } = await bootDevice(t, { folder: await folderWithTwoSystems(t) })
  await orderSlot(connection, 3)
  await connection.reboot({ limitMs: 20_000 })
  assert.equal(await rootOf(connection), '/dev/mmcblk0p3')
  assert.deepEqual(await variablesOf(device), { part: '3', available: '1', count: '1' })
  await connection.run('virtual-setenv', ['upgrade_available', '0'])
  await connection.reboot({ limitMs: 20_000 })
  assert.equal(await rootOf(connection), '/dev/mmcblk0p3')
  assert.deepEqual(historyOf(device), ['boot 2', 'reboot', 'boot 3 trial', 'reboot', 'boot 3'])
})

test('an update that reboots unconfirmed falls back to the old slot and is off', { skip }, async (t) => {
  const { connection, device } = await bootDevice(t, { folder: await folderWithTwoSystems(t) })
  await orderSlot(connection, 3)
  await connection.reboot({ limitMs: 20_000 })
  await connection.reboot({ limitMs: 20_000 })
  assert.equal(await rootOf(connection), '/dev/mmcblk0p2')
  assert.deepEqual(await variablesOf(device), { part: '2', available: '0', count: '0' })
  assert.deepEqual(historyOf(device), ['boot 2', 'reboot', 'boot 3 trial', 'reboot', 'boot 2 fallback'])
})

test('a power cut in the trial falls back to the old slot', { skip }, async (t) => {
  const { connection, device } = await bootDevice(t, { folder: await folderWithTwoSystems(t) })
  await orderSlot(connection, 3)
  await connection.reboot({ limitMs: 20_000 })
  device.powerCut()
  await until('the old slot starts', () => historyOf(device).at(-1) === 'boot 2 fallback')
  assert.equal(historyOf(device).at(-2), 'power-cut')
})

test('the watchdog cuts the power of a trial that hangs, and of nothing else', { skip }, async (t) => {
  const { connection, device } = await bootDevice(t, {
    folder: await folderWithTwoSystems(t),
    bootTimeoutMs: 1500,
  })
  // ordered, but not started yet: the old slot has all the time it wants
  await orderSlot(connection, 3)
  await new Promise((resolve) => setTimeout(resolve, 2000))
  assert.deepEqual(historyOf(device), ['boot 2'])
  await connection.reboot({ limitMs: 20_000 })
  await until('the old slot starts', () => historyOf(device).at(-1) === 'boot 2 fallback')
  assert.equal(historyOf(device).at(-2), 'watchdog')
})

test(
  'the watchdog leaves a trial that was confirmed alone, also where the next update is ordered',
  { skip },
  async (t) => {
    const { connection, device } = await bootDevice(t, {
      folder: await folderWithTwoSystems(t),
      bootTimeoutMs: 4000,
    })
    await orderSlot(connection, 3)
    await connection.reboot({ limitMs: 20_000 })
    await connection.run('virtual-setenv', ['upgrade_available', '0'])
    await orderSlot(connection, 2)
    await new Promise((resolve) => setTimeout(resolve, 4500))
    assert.equal(historyOf(device).at(-1), 'boot 3 trial')
  },
)

test('a slot that holds no file system is given up at once', { skip }, async (t) => {
  const { connection, device } = await bootDevice(t)
  await orderSlot(connection, 3) // nothing was ever written there
  await connection.reboot({ limitMs: 20_000 })
  assert.equal(await rootOf(connection), '/dev/mmcblk0p2')
  assert.deepEqual(historyOf(device), ['boot 2', 'reboot', 'boot 3 trial', 'crash', 'boot 2 fallback'])
})

test('a device without any system that boots is a failure with the console in it', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const image = join(await temporaryFolder(t), 'image')
  await writeFile(image, randomBytes(1 << 20))
  const device = await startVirtualDevice(
    { folder, image, deviceType: 'virtual', serial: 'SN-1' },
    plainContext(),
  )
  await assert.rejects(device.done, (error: Failure) => {
    assert.equal(error.reason, 'device-unreachable')
    assert.match(error.message, /slot 2 .* doesn't boot.*mount/s)
    return true
  })
  assert.deepEqual(remainsOf(folder), [])
})

test(
  'state outlives the power and the supervisor; a new one goes on where the last one was',
  { skip },
  async (t) => {
    const folder = join(await temporaryFolder(t), 'device')
    const first = await bootDevice(t, { folder })
    await first.connection.run('sh', ['-c', 'echo kept > /data/note; echo kept > /root/note; sync'])
    await first.device.stop()
    assert.deepEqual(remainsOf(folder), [])
    const second = await bootDevice(t, { folder })
    assert.equal(second.device.hostKey, first.device.hostKey)
    assert.equal((await second.connection.run('cat', ['/data/note', '/root/note'])).stdout, 'kept\nkept\n')
  },
)

test('two supervisors on one folder are refused', { skip }, async (t) => {
  const { device } = await bootDevice(t)
  const again = startVirtualDevice(
    { folder: `${device.folder}/../device`, image: await baseImage(), deviceType: 'virtual', serial: 'SN-1' },
    plainContext(),
  )
  await assert.rejects(again, { reason: 'device-busy' })
})

test('two devices live side by side', { skip }, async (t) => {
  const [a, b] = await Promise.all([bootDevice(t, { serial: 'SN-1' }), bootDevice(t, { serial: 'SN-2' })])
  assert.notEqual(a.device.address, b.device.address)
  const names = await Promise.all(
    [a, b].map(async (one) => (await one.connection.run('hostname')).stdout.trim()),
  )
  assert.deepEqual(names, ['SN-1', 'SN-2'])
})

test('a device reaches a server that listens on loopback alone, byte for byte', { skip }, async (t) => {
  const body = randomBytes(24 << 20)
  const server = createServer((request, response) => {
    response.setHeader('x-host', request.headers.host ?? '')
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  undo(t, () => server.close())
  const { port } = server.address() as AddressInfo
  const { connection } = await bootDevice(t, { serverUrl: `http://127.0.0.1:${port}/` })
  const { stdout } = await connection.run('cat', ['/data/mender/mender.conf'])
  const url = (JSON.parse(stdout) as { ServerURL: string }).ServerURL
  assert.match(url, new RegExp(`^http://10\\.78\\.\\d+\\.1:${port}$`))
  const fetch = `import hashlib,urllib.request as u
r=u.urlopen("${url}/big"); print(r.headers["x-host"], hashlib.sha256(r.read()).hexdigest())`
  const got = await connection.run('python3', ['-c', fetch])
  assert.equal(got.stdout.trim(), `${new URL(url).host} ${digestOf(body).slice('sha256:'.length)}`)
})

test('a device that is down refuses connections', { skip }, async (t) => {
  const { device, connection } = await bootDevice(t)
  await connection.run('sh', ['-c', 'kill $(cat /run/sshd.pid)'])
  const attempt = () =>
    new Promise<string | undefined>((resolve) => {
      const socket = connectTcp({ host: device.address, port: 22 })
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      socket.once('connect', () => {
        socket.destroy()
        resolve('connected')
      })
    })
  let code = await attempt()
  // the server needs a moment to end; nothing but a refusal may follow
  for (let tries = 0; code === 'connected' && tries < 200; tries++) code = await attempt()
  assert.equal(code, 'ECONNREFUSED')
})

test('an aborted context powers the device off and leaves nothing', { skip }, async (t) => {
  const abort = new AbortController()
  const folder = join(await temporaryFolder(t), 'device')
  const device = await startVirtualDevice(
    { folder, image: await baseImage(), deviceType: 'virtual', serial: 'SN-1' },
    plainContext({ signal: abort.signal }),
  )
  await device.answers(20_000)
  abort.abort(new Failure('cancelled', 'enough'))
  await device.done
  assert.deepEqual(remainsOf(folder), [])
})

test('wrong options are refused before anything is made', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const good = { folder, image: '/nowhere.ext4', deviceType: 'virtual', serial: 'SN-1' }
  await assert.rejects(startVirtualDevice(good, plainContext()), { reason: 'file-missing' })
  await assert.rejects(startVirtualDevice({ ...good, serial: 'a\nb' }, plainContext()), {
    reason: 'bad-input',
  })
  const image = await baseImage()
  await assert.rejects(startVirtualDevice({ ...good, image, slotBytes: 1 << 20 }, plainContext()), {
    reason: 'bad-input',
  })
  const https = startVirtualDevice({ ...good, image, serverUrl: 'https://example.org' }, plainContext())
  await assert.rejects(https, { reason: 'bad-input' })
  assert.deepEqual(remainsOf(folder), [])
})

type Run = { run(program: string, args?: string[]): Promise<{ stdout: string }> }

async function rootOf(connection: Run): Promise<string> {
  return (await connection.run('findmnt', ['-n', '-o', 'SOURCE', '/'])).stdout.trim()
}

/** What the update client does before it reboots into the new slot. */
async function orderSlot(connection: Run, slot: 2 | 3): Promise<void> {
  const lines = `upgrade_available 1\nbootcount 0\nmender_boot_part ${slot}\nmender_boot_part_hex ${slot}\n`
  await connection.run('sh', ['-c', `printf %s "$1" | virtual-setenv -s -`, 'sh', lines])
}

async function variablesOf(device: VirtualDevice) {
  const text = await readFile(join(device.folder, 'data/boot/env'), 'utf8')
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]
  return { part: value('mender_boot_part'), available: value('upgrade_available'), count: value('bootcount') }
}

function historyOf(device: VirtualDevice): string[] {
  return device
    .events()
    .map((event) =>
      event.kind === 'down'
        ? event.why
        : `boot ${event.slot}${event.isTrial ? ' trial' : ''}${event.isFallback ? ' fallback' : ''}`,
    )
}

test('links that a device leaves on its data partition are not followed out here', { skip }, async (t) => {
  const { connection, device } = await bootDevice(t)
  const outside = join(await temporaryFolder(t), 'outside')
  await mkdir(outside, { mode: 0o755 })
  // an update on trial makes the boot loader write its variables at the next start
  await orderSlot(connection, 3)
  const variables = await readFile(join(device.folder, 'data/boot/env'), 'utf8')
  await writeFile(join(outside, 'env'), variables)
  await connection.run('mv', ['/data/boot', '/data/elsewhere'])
  await connection.run('ln', ['-s', outside, '/data/boot'])
  device.powerCut()
  await assert.rejects(device.done, (error) =>
    isFailure(error, 'invalid-file', /data\/boot is no plain folder/),
  )
  assert.deepEqual(await readdir(outside), ['env'])
  assert.equal(await readFile(join(outside, 'env'), 'utf8'), variables)
})

test('what a device put in the place of its folders and files stops the next start', { skip }, async (t) => {
  const { device } = await bootDevice(t)
  await device.stop()
  const outside = await temporaryFolder(t)
  await chmod(outside, 0o755)
  await writeFile(join(outside, 'secret'), 'two words\n')
  const { folder } = device
  const options = {
    folder,
    image: '',
    deviceType: 'virtual',
    serial: 'SN-1',
    authorizedKey: 'ssh-ed25519 AAAA',
  }
  for (const [name, makeIn] of [
    ['ssh', (path: string) => symlink(outside, path)],
    ['mender', (path: string) => symlink(outside, path)],
    ['boot/env', (path: string) => symlink(join(outside, 'secret'), path)],
    ['boot/env', async (path: string) => void execFileSync('mkfifo', [path])],
    ['ssh/ssh_host_ed25519_key.pub', (path: string) => symlink(join(outside, 'secret'), path)],
  ] as const) {
    const path = join(folder, 'data', name)
    await rename(path, `${folder}/kept`)
    await makeIn(path)
    await assert.rejects(startVirtualDevice(options, plainContext()), (error) =>
      isFailure(error, 'invalid-file', new RegExp(`data/${name} is no plain `)),
    )
    await rm(path)
    await rename(`${folder}/kept`, path)
  }
  assert.deepEqual(await readdir(outside), ['secret'])
  assert.equal((await stat(outside)).mode & 0o777, 0o755, "a link's target keeps its mode")
})

function isFailure(error: unknown, reason: string, message: RegExp): boolean {
  assert.ok(error instanceof Failure, String(error))
  assert.equal(error.reason, reason)
  assert.match(error.message, message)
  return true
}
