// Ansible, the real one, on the root file system of a recipe.
import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildImage } from '../../src/image/image.ts'
import { needs } from '../support/needs.ts'
import { pythonBuilder, skipPlaybooks as skip } from './python-base.ts'
import { tinyBuilder } from './tiny-base.ts'
import { ask, workshop } from './workshop.ts'

const recipe = `
files: [{ source: motd, path: /etc/motd }, { source: motd, path: /etc/resolv.conf }]
playbooks: [{ playbook: ansible/site.yml, vars: ansible/vars.yml }]
`
const files = {
  motd: 'from the recipe\n',
  'ansible/vars.yml': 'place: lab\n',
  'ansible/site.yml': `
- hosts: all
  gather_facts: false
  become: true
  roles: [greeting]
  tasks:
    - name: Leave what many programs leave
      ansible.builtin.shell: >
        mkdir -p /root/.cache /var/log/app; echo x >/root/.cache/x; echo x >/var/log/app/log; echo x >/tmp/x; echo x >/run/x;
        echo x >/etc/passwd-; date +%s >/var/cache/when 2>/dev/null; echo $HOME $TZ >/etc/around; echo x >/etc/hostname
    - ansible.builtin.copy: { content: "it's here", dest: /opt/quoted, mode: '0640' }
`,
  'ansible/roles/greeting/tasks/main.yml':
    '- { name: Greet, ansible.builtin.template: { src: greeting.j2, dest: /etc/greeting } }\n',
  'ansible/roles/greeting/templates/greeting.j2':
    "{{ image_name }} {{ place }} {{ lookup('file', '/mnt/root/etc/motd') }} {{ playbook_dir }} {{ lookup('env', 'SECRET') }}\n",
}

test('a playbook changes the root file system and leaves nothing else in it', { skip }, async (t) => {
  const shop = await workshop(t, recipe, files)
  process.env['SECRET'] = 'not for playbooks'
  process.env['ANSIBLE_GATHERING'] = 'no such thing'
  t.after(() => ['SECRET', 'ANSIBLE_GATHERING'].forEach((name) => delete process.env[name]))
  const mnt = await readdir('/mnt')
  const built = await shop.build(pythonBuilder())
  const says = (command: string) => ask(built.rootfs, command)
  assert.equal(await says('cat /etc/greeting'), 'tiny-os lab from the recipe /mnt/playbooks/0 \n')
  assert.equal(await says('cat /opt/quoted'), "it's here")
  assert.match(await says('stat /opt/quoted'), /Mode: {2}0640/)
  assert.equal(await says('cat /etc/around'), '/root UTC\n')
  // what a task writes is meant, also where a builder's own file would not be
  assert.equal(await says('cat /etc/hostname'), 'x\n')
  assert.equal(await says('cat /etc/resolv.conf'), 'from the recipe\n')
  for (const gone of [
    '/root/.cache',
    '/root/.ansible',
    '/var/log/app/log',
    '/tmp/x',
    '/run/x',
    '/run/drover',
  ])
    assert.doesNotMatch(await says(`stat ${gone}`), /Inode/, gone)
  for (const gone of ['/etc/passwd-', '/usr/sbin/policy-rc.d'])
    assert.doesNotMatch(await says(`stat ${gone}`), /Inode/, gone)
  assert.match(await says('stat /var/log/app'), /Type: directory/)
  // times are the commit's, not those of the run
  assert.match(await says('stat /etc/greeting'), /mtime: .* 2026/)
  assert.match(shop.said.join('\n'), /^playbook: greeting : Greet$/m)
  assert.deepEqual(await readdir('/mnt'), mnt)
})

test(
  'the same file system and playbooks are run once, others again, and the result is the same without a cache',
  { skip },
  async (t) => {
    const shop = await workshop(t, recipe, files)
    const wasRun = () => shop.said.splice(0).some((line) => line.startsWith('ran the playbooks'))
    const first = await shop.build(pythonBuilder())
    assert.equal(wasRun(), true)
    await shop.commit('2026-03-05T00:00:00Z')
    const second = await shop.build(pythonBuilder())
    assert.equal(wasRun(), false)
    assert.equal(second.version.slice(-12), first.version.slice(-12))
    await rm(join(shop.cache, 'playbooks'), { recursive: true })
    await chmod(join(shop.source, 'ansible/vars.yml'), 0o600)
    const third = await shop.build(pythonBuilder(), 'third')
    assert.equal(wasRun(), true)
    assert.equal(third.sha256, second.sha256)
    await shop.write('ansible/roles/greeting/templates/greeting.j2', 'changed\n')
    await shop.commit('2026-03-06T00:00:00Z')
    const changed = await shop.build(pythonBuilder())
    assert.equal(wasRun(), true)
    assert.equal(await ask(changed.rootfs, 'cat /etc/greeting'), 'changed\n')
  },
)

test('a task that fails is named with what it said, and nothing is left', { skip }, async (t) => {
  const shop = await workshop(t, 'playbooks: [{ playbook: ansible/site.yml }]\n', {
    'ansible/site.yml': `
- hosts: image
  gather_facts: false
  tasks:
    - { name: Of no account, ansible.builtin.command: cat /nothing, ignore_errors: true }
    - { name: Wait for it, ansible.builtin.command: cat /not/there }
`,
  })
  await assert.rejects(shop.build(pythonBuilder()), {
    reason: 'build-failed',
    message: /^the playbook site\.yml failed in the task "Wait for it": .*\/not\/there.*No such file/,
  })
  await assert.rejects(readdir(join(shop.folder, 'out')), /ENOENT/)
  assert.deepEqual(await readdir(join(shop.cache, 'playbooks')), [])
})

test('a playbook that can’t be read, or is for another host, is a failure', { skip }, async (t) => {
  const shop = await workshop(t, 'playbooks: [{ playbook: ansible/site.yml }]\n', {
    'ansible/site.yml': '- hosts: webservers\n  tasks: [{ ansible.builtin.command: "true" }]\n',
  })
  await assert.rejects(shop.build(pythonBuilder()), {
    reason: 'build-failed',
    message: /the playbook site\.yml did nothing: give its play `hosts: all`/,
  })
  await shop.write('ansible/site.yml', '- hosts: all\n  roles: [no-such-role]\n')
  await assert.rejects(shop.build(pythonBuilder()), {
    reason: 'build-failed',
    message: /the playbook site\.yml can't be run: .*no-such-role/,
  })
})

test('an abort in the middle of a playbook leaves no process, mount or folder', { skip }, async (t) => {
  const shop = await workshop(t, 'playbooks: [{ playbook: ansible/site.yml }]\n', {
    'ansible/site.yml': `
- hosts: all
  gather_facts: false
  tasks:
    - { name: Begin, ansible.builtin.command: ls / }
    - { name: Go on, ansible.builtin.command: sleep 4321.5 }
`,
  })
  const abort = new AbortController()
  const log = {
    ...shop.context().log,
    info: (line: string) => {
      if (line === 'playbook: Go on') setTimeout(() => abort.abort(new Error('enough')), 300)
    },
  }
  await assert.rejects(shop.build(pythonBuilder(), 'out', { signal: abort.signal, log }), /enough/)
  const running = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  assert.deepEqual(
    running.filter((line) => line.includes('4321.5') || line.includes('ansible-playbook\0/mnt')),
    [],
  )
  assert.doesNotMatch(
    await readFile('/proc/self/mounts', 'utf8'),
    new RegExp(`drover-\\d+-${process.pid}-| /mnt `),
  )
  assert.deepEqual(await readdir(join(shop.cache, 'playbooks')), [])
})

test('a root file system without Python says which package to add', { skip }, async (t) => {
  const shop = await workshop(t, 'playbooks: [{ playbook: ansible/site.yml }]\n', {
    'ansible/site.yml': '- hosts: all\n',
  })
  await assert.rejects(shop.build(tinyBuilder()), {
    reason: 'build-failed',
    message: /no \/usr\/bin\/python3.*add python3 to `packages`/,
  })
})

test('without Ansible the package is named before anything is built', { skip: needs('git') }, async (t) => {
  const shop = await workshop(t, 'playbooks: [{ playbook: ansible/site.yml }]\n', {
    'ansible/site.yml': '- hosts: all\n',
  })
  const bin = join(shop.folder, 'bin')
  await mkdir(bin)
  const { PATH } = process.env
  t.after(() => (process.env['PATH'] = PATH))
  process.env['PATH'] = bin
  const options = { recipe: join(shop.source, 'image.yml'), output: join(shop.folder, 'out'), cache: 'none' }
  await assert.rejects(buildImage(options, shop.context()), {
    reason: 'missing-tool',
    message: /ansible-playbook.*apt-get install .*ansible-core/,
  })
})
