import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { machineSources, sourceLine, withoutCredentials } from '../../src/image/apt-sources.ts'
import { temporaryFolder } from '../support/temporary.ts'

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

test('sources in the newer form are read stanza by stanza', async (t) => {
  const etc = await folderWith(t, {
    'sources.list.d/debian.sources': `Types: deb deb-src
# a comment
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: ${keyring}

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components:
 main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
`,
  })
  assert.deepEqual(await machineSources('bookworm', 'amd64', etc), [
    { url: 'http://mirror.example/debian', suite: 'bookworm', components: ['main', 'contrib'], keyring },
    {
      url: 'http://mirror.example/debian',
      suite: 'bookworm-updates',
      components: ['main', 'contrib'],
      keyring,
    },
    {
      url: 'http://security.example/debian-security',
      suite: 'bookworm-security',
      components: ['main'],
      keyring: undefined,
    },
  ])
})

test('sources in the one-line form are read with their options', async (t) => {
  const etc = await folderWith(t, {
    'sources.list': `# deb http://comment.example/debian bookworm main
deb [arch=amd64,arm64 signed-by=${keyring}] https://mirror.example/debian bookworm main # why
deb [arch=armhf] http://other.example/debian bookworm main
deb cdrom:[Debian]/ bookworm main
deb file:/srv/mirror bookworm main
deb http://flat.example/packages ./
deb-src http://mirror.example/debian bookworm main
`,
  })
  assert.deepEqual(await machineSources('bookworm', 'arm64', etc), [
    { url: 'https://mirror.example/debian', suite: 'bookworm', components: ['main'], keyring },
  ])
})

test('a machine with another system has no sources for the suite, nor has one without any', async (t) => {
  const etc = await folderWith(t, {
    'sources.list':
      'deb http://mirror.example/ubuntu noble main\ndeb http://s.example/d bookworm-security main\n',
  })
  assert.deepEqual(await machineSources('bookworm', 'amd64', etc), [])
  assert.deepEqual(await machineSources('bookworm', 'amd64', join(etc, 'nowhere')), [])
})

test('a source becomes one line for apt, and loses its password in messages', () => {
  const source = {
    url: 'https://me:secret@mirror.example/d',
    suite: 'bookworm',
    components: ['main'],
    keyring,
  }
  assert.equal(
    sourceLine(source),
    `deb [signed-by=${keyring}] https://me:secret@mirror.example/d bookworm main`,
  )
  assert.equal(withoutCredentials(source.url), 'https://mirror.example/d')
})

async function folderWith(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'sources.list.d'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}
