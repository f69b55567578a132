import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import { type Member, baseMembers, tinyBuilder } from './tiny-base.ts'
import { ask, output, workshop } from './workshop.ts'

const skip = needs('mke2fs', 'debugfs', 'e2fsck', 'git')
const key = `ssh-ed25519 ${'A'.repeat(68)} operator@example.org`

const accountMembers: Member[] = [
  ...baseMembers,
  { path: './usr/bin/bash', text: 'a shell\n', mode: 0o755 },
  { path: './etc/group', text: 'root:x:0:\nadm:x:4:\ndialout:x:20:somebody\n' },
  { path: './etc/gshadow', text: 'root:*::\nadm:*::\ndialout:*::somebody\n', mode: 0o640 },
]

test('an account gets its keys, groups and home, and no password', { skip }, async (t) => {
  const shop = await workshop(
    t,
    `users:
  - { name: root, ssh-keys: ["${key}"] }
  - { name: operator, groups: [adm, dialout], shell: /bin/bash, ssh-keys: ["${key}"] }
  - { name: kiosk, uid: 2000, shell: /usr/bin/su, home: /srv/kiosk }
`,
  )
  const { rootfs } = await shop.build(tinyBuilder(accountMembers))
  assert.equal(
    await ask(rootfs, 'cat /etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\noperator:x:1000:1000::/home/operator:/bin/bash\nkiosk:x:2000:2000::/srv/kiosk:/usr/bin/su\n',
  )
  assert.equal(
    await ask(rootfs, 'cat /etc/shadow'),
    'root:*::0:99999:7:::\noperator:*::0:99999:7:::\nkiosk:*::0:99999:7:::\n',
  )
  assert.match(await ask(rootfs, 'cat /etc/group'), /^dialout:x:20:somebody,operator$/m)
  assert.match(await ask(rootfs, 'cat /etc/gshadow'), /^adm:\*::operator$/m)
  assert.equal(await ask(rootfs, 'cat /root/.ssh/authorized_keys'), `${key}\n`)
  assert.match(
    await ask(rootfs, 'stat /home/operator'),
    /Mode: {2}0700[\s\S]*User: {2}1000 {3}Group: {2}1000/,
  )
  assert.match(
    await ask(rootfs, 'stat /home/operator/.ssh/authorized_keys'),
    /Mode: {2}0600[\s\S]*User: {2}1000/,
  )
  assert.match(await ask(rootfs, 'stat /srv/kiosk'), /User: {2}2000/)
})

for (const { what, users, message } of [
  {
    what: 'a private key',
    users: '{name: a, ssh-keys: ["-----BEGIN OPENSSH PRIVATE KEY-----"]}',
    message: /public ssh key/,
  },
  {
    what: 'a key with options',
    users: `{name: a, ssh-keys: ['command="x" ${key}']}`,
    message: /public ssh key/,
  },
  { what: 'a name that is there twice', users: '{name: a}, {name: a}', message: /another account a/ },
  { what: 'a group that the image lacks', users: '{name: a, groups: [gpio]}', message: /no group gpio/ },
  { what: 'a shell that the image lacks', users: '{name: a, shell: /bin/zsh}', message: /no \/bin\/zsh/ },
  {
    what: 'a home with a colon in it',
    users: "{name: a, home: '/home/a:/bin/sh'}",
    message: /without a colon/,
  },
  {
    what: 'a taken uid',
    users: '{name: a, uid: 1000}, {name: b, uid: 1000}',
    message: /another with its uid/,
  },
]) {
  test(`${what} is no account`, { skip }, async (t) => {
    const shop = await workshop(t, `users: [${users}]\n`)
    await assert.rejects(shop.build(tinyBuilder(accountMembers)), (error: Error & { problems?: unknown }) => {
      assert.match(`${error.message} ${JSON.stringify(error.problems)}`, message)
      return true
    })
  })
}

const units: Member[] = [
  ...['usr/lib/systemd', 'usr/lib/systemd/system', 'etc/systemd', 'etc/systemd/system'].map(
    (path): Member => ({ path: `./${path}/`, type: '5', mode: 0o755 }),
  ),
  {
    path: './usr/lib/systemd/system/app.service',
    text: '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target \\\n  graphical.target\nAlias=application.service\nAlso=app.socket\n',
  },
  {
    path: './usr/lib/systemd/system/app.socket',
    text: '[Socket]\nListenStream=80\n[Install]\nWantedBy=sockets.target\nRequiredBy=app.service\n',
  },
  {
    path: './usr/lib/systemd/system/screen@.service',
    text: '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=getty.target\nDefaultInstance=hdmi\n',
  },
  { path: './usr/lib/systemd/system/plain.service', text: '[Service]\nExecStart=/bin/true\n' },
  {
    path: './usr/lib/systemd/system/noisy.service',
    text: '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n',
  },
  { path: './etc/systemd/system/multi-user.target.wants/', type: '5', mode: 0o755 },
  {
    path: './etc/systemd/system/multi-user.target.wants/noisy.service',
    type: '2',
    target: '/lib/systemd/system/noisy.service',
  },
]

test(
  'units are enabled, disabled and masked as systemctl would do it',
  { skip: skip || needs('systemctl') },
  async (t) => {
    const shop = await workshop(
      t,
      'services: {enable: [app.service, screen@.service, screen@dsi.service], disable: [noisy.service], mask: [plain.service]}\n',
    )
    const { rootfs } = await shop.build(tinyBuilder([...baseMembers, ...units]))
    const plain = await workshop(t)
    const { rootfs: before } = await plain.build(tinyBuilder([...baseMembers, ...units]))
    const [ours, theirs] = [join(shop.folder, 'ours'), join(shop.folder, 'theirs')]
    for (const [image, folder] of [
      [rootfs, ours],
      [before, theirs],
    ] as const) {
      await mkdir(folder)
      await ask(image, `rdump / ${folder}`)
    }
    const systemctl = (...args: string[]) => output('systemctl', `--root=${theirs}`, ...args)
    await systemctl('enable', 'app.service', 'screen@.service', 'screen@dsi.service')
    await systemctl('disable', 'noisy.service')
    await systemctl('mask', 'plain.service')
    const links = async (root: string) =>
      (await output('find', join(root, 'etc/systemd/system'), '-type', 'l', '-printf', '%P %l\n'))
        .split('\n')
        .sort()
        .map((line) => line.replace(/ (\.\.\/)*(usr\/)?lib/, ' /usr/lib').replace(' /lib/', ' /usr/lib/'))
    assert.deepEqual(await links(ours), await links(theirs))
    assert.equal((await links(ours)).filter(Boolean).length, 8)
  },
)

for (const { unit, message } of [
  { unit: 'nothing.service', message: /no unit nothing\.service/ },
  { unit: 'plain.service', message: /can't be enabled/ },
]) {
  test(`${unit} can't be enabled`, { skip }, async (t) => {
    const shop = await workshop(t, `services: {enable: [${unit}]}\n`)
    await assert.rejects(shop.build(tinyBuilder([...baseMembers, ...units])), {
      reason: 'invalid-file',
      message,
    })
  })
}
