// What the installed Ansible makes of fleet repositories, and that we make the same of them.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { listInventory } from '../../src/fleet/fleet.ts'
import { runOk } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { randomInventory, vaultPassword } from './random-inventory.ts'

// the program itself, for one folder after the other: its start takes longer than all it does
const program = `
import os, sys
from ansible.cli.inventory import main
for line in sys.stdin.read().splitlines():
    folder, inventory = line.split('\\t')
    if os.fork() == 0:
        os.dup2(os.open(folder + '.out', os.O_WRONLY | os.O_CREAT), 1)
        os.dup2(os.open(folder + '.err', os.O_WRONLY | os.O_CREAT), 2)
        main(['ansible-inventory', '-i', folder + '/' + inventory, '--playbook-dir', folder, '--list'])
        os._exit(1)
    os.wait()
`

/** Compares the groups and variables of every host, for the inventories of these numbers. */
export async function compareWithAnsible(t: TestContext, seeds: readonly number[]): Promise<void> {
  const base = await temporaryFolder(t)
  const password = join(base, 'password')
  await writeFile(password, `${vaultPassword}\n`)
  await writeFile(join(base, 'ansible.cfg'), '')
  const cases = seeds.map((seed) => ({ seed, folder: join(base, String(seed)), ...randomInventory(seed) }))
  for (const { folder, files } of cases) {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
  }
  const given = cases.map(({ folder, inventory }) => `${folder}\t${inventory}\n`).join('')
  await writeFile(join(base, 'list'), given)
  await runOk('sh', ['-c', 'exec /usr/bin/python3 -c "$1" < "$2"', 'sh', program, join(base, 'list')], {
    what: 'ansible-inventory',
    env: { ANSIBLE_CONFIG: join(base, 'ansible.cfg'), ANSIBLE_VAULT_PASSWORD_FILE: password, HOME: base },
  })
  const former = process.env['DROVER_VAULT_PASSWORD']
  process.env['DROVER_VAULT_PASSWORD'] = vaultPassword
  try {
    const errors: unknown[] = []
    for (const { seed, folder } of cases) await compare(seed, folder).catch((error) => errors.push(error))
    if (errors.length > 0)
      throw new AggregateError(errors, `${errors.length} of ${cases.length} are different`)
  } finally {
    if (former === undefined) delete process.env['DROVER_VAULT_PASSWORD']
    else process.env['DROVER_VAULT_PASSWORD'] = former
  }
}

async function compare(seed: number, folder: string): Promise<void> {
  const [out, err] = await Promise.all([readFile(`${folder}.out`, 'utf8'), readFile(`${folder}.err`, 'utf8')])
  // else Ansible has passed over a part, and the generator is wrong
  assert.doesNotMatch(err, /ERROR|Unable to parse|Failed to parse/, `inventory ${seed}: ${err}`)
  const expected: unknown = JSON.parse(out)
  try {
    const { list } = await listInventory(folder)
    assert.deepEqual(JSON.parse(JSON.stringify(list)), expected)
  } catch (error) {
    throw new Error(`inventory ${seed} is not what Ansible makes of it`, { cause: error })
  }
}
