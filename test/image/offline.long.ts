// A machine without a way out, and a mirror on it: the base system is built from nothing all the same.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type BuiltImage, buildImage } from '../../src/image/image.ts'
import { machineSources } from '../../src/image/apt-sources.ts'
import { needs } from '../support/needs.ts'
import { ask, workshop } from './workshop.ts'

const skip = needs('root', 'mmdebstrap', 'mke2fs', 'debugfs', 'e2fsck', 'git', 'unshare', 'ip')

test('a base system is built from a mirror on a machine without a way out', { skip }, async (t) => {
  const [upstream] = (await machineSources('bookworm', 'amd64')).filter(({ suite }) => suite === 'bookworm')
  if (!upstream) return t.skip('needs an apt source for bookworm')
  const shop = await workshop(t)
  const archive = join(shop.folder, 'archive')
  // first with a network: a mirror that keeps what it is asked for, fetched by apt's own downloader
  const fetched = new Map<string, Promise<unknown>>()
  const fetch = (path: string) => {
    const url = upstream.url + path.slice(join(archive, 'debian').length)
    const begun = fetched.get(path) ?? download(url, path)
    fetched.set(path, begun)
    return begun
  }
  const server = createServer((request, response) => {
    const path = join(archive, decodeURIComponent(request.url ?? ''))
    const answer = () =>
      fs.existsSync(path) ? fs.createReadStream(path).pipe(response) : response.writeHead(404).end()
    fetch(path).then(answer, answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  await shop.write(
    'image.yml',
    `name: tiny-os\nsuite: bookworm\nmirror: http://127.0.0.1:${port}/debian\npackages: [netbase]\n`,
  )
  await shop.commit('2026-03-05T00:00:00Z')
  const recipe = join(shop.source, 'image.yml')
  const options = { recipe, arch: 'amd64', cache: 'none' }
  const online = await buildImage({ ...options, output: join(shop.folder, 'online') }, shop.context())
  assert.match(await ask(online.rootfs, 'stat /etc/protocols'), /Inode/)
  const files = [...fetched.keys()].filter((path) => path.endsWith('.deb'))
  assert.ok(files.length > 50, `${files.length} packages came from the mirror`)
  // then in a network namespace that has nothing but a loopback of its own, where the same address is another server
  const script = `
    import { createServer } from 'node:http'
    import * as fs from 'node:fs'
    import { connect } from 'node:net'
    const { buildImage } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/image/image.ts'))})
    const { plainContext } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/platform/platform.ts'))})
    const server = createServer((request, response) => {
      const path = ${JSON.stringify(archive)} + decodeURIComponent(request.url)
      return fs.existsSync(path) ? fs.createReadStream(path).pipe(response) : response.writeHead(404).end()
    }).listen(${port}, '127.0.0.1')
    const outside = await new Promise((resolve) => connect(80, '192.0.2.1').on('error', ({ code }) => resolve(code)))
    const log = { info() {}, debug() {}, warn: console.error, group: (title, work) => work() }
    const built = await buildImage(${JSON.stringify({ ...options, output: join(shop.folder, 'offline') })}, plainContext({ log }))
    console.log(JSON.stringify({ ...built, outside }))
    server.close()`
  const inside = `ip link set lo up && exec "$@"`
  const program = [process.execPath, '--input-type=module', '-e', script]
  const { stdout, stderr } = await promisify(execFile)('unshare', [
    '--net',
    'sh',
    '-c',
    inside,
    'sh',
    ...program,
  ])
  const offline = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as BuiltImage & { outside: string }
  assert.equal(offline.outside, 'ENETUNREACH')
  assert.equal(stderr, '')
  assert.equal(offline.cacheHit, false)
  assert.equal(offline.sha256, online.sha256)
})

async function download(url: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const part = `${path}.part`
  await promisify(execFile)('/usr/lib/apt/apt-helper', ['download-file', url, part])
  if (fs.existsSync(part)) await rename(part, path)
}
