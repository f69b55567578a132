// A signed package repository of one package on loopback: a vendor's, as far as apt can tell.
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { output } from './workshop.ts'

/** Serves a repository with the package `vendor-tool` (a file `/usr/bin/vendor-tool`), made in `folder`. */
export async function vendorRepository(t: TestContext, folder: string, suite: string) {
  const files = new Map<string, Buffer>()
  const deb = await packageFile(join(folder, 'package'))
  files.set('/pool/vendor-tool.deb', deb)
  const packages = `Package: vendor-tool\nVersion: 1.2\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nFilename: pool/vendor-tool.deb\nSize: ${deb.length}\nSHA256: ${sha256(deb)}\nDescription: a vendor's tool\n`
  const list = Buffer.from(packages)
  const names = ['amd64', 'arm64'].map((arch) => `main/binary-${arch}/Packages`)
  for (const name of names) files.set(`/dists/${suite}/${name}`, list)
  const sums = names.map((name) => ` ${sha256(list)} ${list.length} ${name}`)
  const head = [`Suite: ${suite}`, `Codename: ${suite}`, 'Architectures: amd64 arm64', 'Components: main']
  const release = [...head, 'Date: Sat, 11 Jul 2026 10:16:37 UTC', 'SHA256:', ...sums, ''].join('\n')
  const home = join(folder, 'gpg')
  await mkdir(home, { mode: 0o700 })
  const gpg = (...args: string[]) =>
    output(
      'gpg',
      '--homedir',
      home,
      '--batch',
      '--quiet',
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      ...args,
    )
  await gpg('--quick-generate-key', 'vendor@example.org', 'rsa2048', 'sign', 'never')
  t.after(() => output('gpgconf', '--homedir', home, '--kill', 'all'))
  await writeFile(join(folder, 'Release'), release)
  await gpg('--clearsign', '--output', join(folder, 'InRelease'), join(folder, 'Release'))
  files.set(`/dists/${suite}/InRelease`, await readFile(join(folder, 'InRelease')))
  const key = await gpg('--armor', '--export', 'vendor@example.org')
  const server = createServer((request, response) => {
    const found = files.get(decodeURIComponent(request.url ?? ''))
    response.writeHead(found ? 200 : 404).end(found)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key }
}

async function packageFile(root: string): Promise<Buffer> {
  await mkdir(join(root, 'DEBIAN'), { recursive: true })
  await mkdir(join(root, 'usr/bin'), { recursive: true })
  await writeFile(join(root, 'usr/bin/vendor-tool'), '#!/bin/sh\necho vendor\n', { mode: 0o755 })
  const control =
    'Package: vendor-tool\nVersion: 1.2\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n'
  await writeFile(join(root, 'DEBIAN/control'), `${control}Description: a vendor's tool\n`)
  await output('dpkg-deb', '--root-owner-group', '--build', root, `${root}.deb`)
  return readFile(`${root}.deb`)
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')
