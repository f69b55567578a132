// A base system of a few files in milliseconds: the builder of the fast tests. Its tar file is written by hand, so that it
// holds what real ones hold rarely: hard links, set-uid programs, capabilities, odd names, links that point out of it.
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { BaseRequest, BuildPlace, Builder } from '../../src/image/image.ts'

export interface Member {
  path: string
  type?: '0' | '1' | '2' | '3' | '5'
  text?: string
  target?: string
  mode?: number
  gid?: number
  mtime?: number
  xattr?: [name: string, value: string]
}

/** What every base system has. */
export const baseMembers: Member[] = [
  { path: './', type: '5', mode: 0o755 },
  ...['dev', 'etc', 'etc/mender', 'etc/ssh', 'usr', 'usr/bin', 'usr/lib', 'var', 'var/log'].map(
    (path): Member => ({ path: `./${path}/`, type: '5', mode: 0o755 }),
  ),
  ...['var/lib', 'var/lib/dpkg', 'tmp'].map((path): Member => ({
    path: `./${path}/`,
    type: '5',
    mode: 0o755,
  })),
  { path: './bin', type: '2', target: 'usr/bin' },
  { path: './etc/os-release', type: '2', target: '../usr/lib/os-release' },
  { path: './usr/lib/os-release', text: 'ID=debian\nVERSION_ID="12"\n', mtime: 1_600_000_000 },
  { path: './etc/passwd', text: 'root:x:0:0:root:/root:/bin/sh\n' },
  { path: './etc/shadow', text: 'root:*:20254:0:99999:7:::\n', mode: 0o640, gid: 42 },
  { path: './etc/machine-id', text: '0123456789abcdef0123456789abcdef\n' },
  { path: './etc/hostname', text: 'the-build-machine\n' },
  { path: './etc/resolv.conf', text: 'nameserver 192.0.2.1\n' },
  { path: './etc/ssh/ssh_host_ed25519_key', text: 'a private key\n', mode: 0o600 },
  { path: './var/log/dpkg.log', text: 'when it was built\n' },
  { path: './dev/console', type: '3' },
  { path: './usr/bin/su', text: 'set-uid\n', mode: 0o4755 },
  {
    path: './var/lib/dpkg/status',
    text: [
      'Package: libtiny\nStatus: install ok installed\nArchitecture: amd64\nSource: tiny (1.0)\nVersion: 1:1.0+deb12u1\n',
      'Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 3\n',
      'Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4\n',
    ].join('\n'),
  },
]

/** A tar file with pax headers where a member needs one. */
export function tarOf(members: readonly Member[]): Buffer {
  const blocks = members.flatMap((member) => {
    const [data, type] = [Buffer.from(member.text ?? ''), member.type ?? '0']
    const pax = member.xattr ? paxRecord(`SCHILY.xattr.${member.xattr[0]}`, member.xattr[1]) : undefined
    return [
      ...(pax ? [header({ path: './pax', mode: 0o644 }, 'x', pax.length), padded(pax)] : []),
      header(member, type, data.length),
      padded(data),
    ]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

/** A builder that writes `members` and counts how often it was asked. */
export function tinyBuilder(members: readonly Member[] = baseMembers): Builder & { builds: BaseRequest[] } {
  const builds: BaseRequest[] = []
  return {
    name: 'tiny',
    scratchBytes: 1 << 20,
    builds,
    build: async (request: BaseRequest, { into }: BuildPlace) => {
      builds.push(request)
      await writeFile(into, tarOf(members))
    },
  }
}

/** A mirror on loopback that has only the signed index of one suite; `stop` makes it unreachable. */
export async function tinyMirror(t: TestContext, suite = 'tiny') {
  const state = { packages: 'first' }
  const server = createServer((request, response) => {
    if (request.url !== `/debian/dists/${suite}/InRelease`) {
      response.writeHead(404).end()
      return
    }
    response.end(
      `Suite: ${suite}\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n ${state.packages} 1 main/binary-amd64/Packages\n`,
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  t.after(stop)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/debian`,
    stop,
    publish: (packages: string) => {
      state.packages = packages
    },
  }
}

function header(
  { path, mode = 0o644, gid = 0, target = '', mtime = 1_700_000_000 }: Member,
  type: string,
  size: number,
): Buffer {
  const block = Buffer.alloc(512)
  const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, '0')
  block.write(path, 0, 100)
  block.write(octal(mode, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(gid, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(mtime, 12), 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write(target, 157, 100)
  block.write('ustar\u000000', 257)
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      7,
    )}\0 `,
    148,
  )
  return block
}

function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`
  let length = Buffer.byteLength(rest) + 1
  while (String(length).length + Buffer.byteLength(rest) !== length) length++
  return Buffer.from(`${length}${rest}`)
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)])
}
