import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { Failure, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const secret = 'pi-4711-secret'
const skip = needs('ansible-vault')

/** A fleet whose device id is encrypted by Ansible itself, or whose whole file of variables is. */
async function fleetWith(t: TestContext, form: 'value' | 'value with an id' | 'file'): Promise<string> {
  const folder = await temporaryFolder(t)
  const write = async (name: string, text: string) => {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  await write('password', 'correct horse\n')
  await write('inventory.yml', 'all:\n  vars: { subscribed_branch: main, os_image: r1 }\n  hosts: { a: }\n')
  await write('host_vars/a.yml', form === 'file' ? `device_id: ${secret}\n` : `lab: true\n`)
  const id = form === 'value with an id' ? 'lab@' : ''
  const vault = async (...args: string[]) =>
    await runOk('ansible-vault', [...args, '--vault-id', `${id}${join(folder, 'password')}`], {
      what: 'ansible-vault',
      env: { HOME: folder },
    })
  if (form === 'file') await vault('encrypt', join(folder, 'host_vars/a.yml'))
  else {
    const value = await vault('encrypt_string', '--name', 'device_id', secret)
    await write('host_vars/a.yml', `lab: true\n${value.trim()}\n`)
  }
  return folder
}

function setPassword(t: TestContext, password: string | undefined): void {
  const former = process.env['DROVER_VAULT_PASSWORD']
  const set = (value: string | undefined) => {
    if (value === undefined) delete process.env['DROVER_VAULT_PASSWORD']
    else process.env['DROVER_VAULT_PASSWORD'] = value
  }
  set(password)
  undo(t, async () => set(former))
}

for (const [form, header] of [
  ['value', ';1.1;AES256'],
  ['value with an id', ';1.2;AES256;lab'],
  ['file', ';1.1;AES256'],
] as const) {
  test(`what ansible-vault encrypted is read with the password: a ${form}`, { skip }, async (t) => {
    const folder = await fleetWith(t, form)
    assert.ok((await readFile(join(folder, 'host_vars/a.yml'), 'utf8')).includes(header))
    setPassword(t, 'correct horse')
    assert.deepEqual(
      (await loadFleet(folder)).devices.map(({ id }) => id),
      [secret],
    )
  })

  test(`without its password an encrypted ${form} is a problem with its line`, { skip }, async (t) => {
    const folder = await fleetWith(t, form)
    const line = form === 'file' ? 1 : 2
    for (const [password, said] of [
      [undefined, /is encrypted with Ansible Vault: give the password in DROVER_VAULT_PASSWORD/],
      ['wrong', /can't be decrypted: DROVER_VAULT_PASSWORD is not its password/],
    ] as const) {
      setPassword(t, password)
      await assert.rejects(loadFleet(folder), (error) => {
        assert.ok(error instanceof Failure && error.reason === 'invalid-file')
        const [problem, ...more] = error.problems
        assert.deepEqual(more, [])
        assert.equal(relative(folder, problem?.file ?? ''), 'host_vars/a.yml')
        assert.equal(problem?.line, line)
        assert.match(problem?.message ?? '', said)
        return true
      })
    }
  })
}

test('what was encrypted is in no message', { skip }, async (t) => {
  const folder = await fleetWith(t, 'value')
  setPassword(t, 'correct horse')
  await writeFile(
    join(folder, 'inventory.yml'),
    'all:\n  vars: { subscribed_branch: main, os_image: r1 }\n  hosts: { a: , b: }\n',
  )
  await writeFile(join(folder, 'host_vars/b.yml'), await readFile(join(folder, 'host_vars/a.yml')))
  await assert.rejects(loadFleet(folder), (error) => {
    assert.ok(error instanceof Failure)
    const told = JSON.stringify([error.message, error.problems])
    assert.match(told, /b has the same device id as a: \(encrypted\)/)
    assert.ok(!told.includes(secret), told)
    return true
  })
})

test('an encrypted value that nothing here reads needs no password', { skip }, async (t) => {
  const folder = await fleetWith(t, 'value')
  setPassword(t, undefined)
  const text = await readFile(join(folder, 'host_vars/a.yml'), 'utf8')
  await writeFile(join(folder, 'host_vars/a.yml'), text.replace('device_id:', 'login:'))
  assert.equal((await loadFleet(folder)).devices.length, 1)
})
