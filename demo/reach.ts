// How to reach what --keep leaves running.
import { join } from 'node:path'
import * as v from 'valibot'
import { readYaml, writeAtomically } from '../src/platform/platform.ts'
import { serials } from './devices.ts'
import type { RunFolder } from './run-folder.ts'

const answers = v.object({
  url: v.optional(v.string()),
  address: v.optional(v.string()),
  hostKey: v.optional(v.string()),
})

/** Commands to copy; writes the ssh configuration that they use. */
export async function howToReach(run: RunFolder): Promise<string> {
  const at = (...names: string[]) => join(run.path, ...names)
  const read = async (name: string) =>
    (await readYaml(at(`${name}.json`), answers).catch(() => undefined))?.value
  const devices = await Promise.all(serials.map((serial) => read(`device-${serial}`)))
  const hosts = serials.map((serial, i) => `Host ${serial}\n  HostName ${devices[i]?.address ?? ''}\n`)
  const common = `Host *\n  User root\n  IdentityFile ${at('ssh-key')}\n  UserKnownHostsFile ${at('known-hosts')}\n`
  await writeAtomically(at('ssh-config'), hosts.join('') + common)
  const keys = devices.map((device) => `${device?.address} ${device?.hostKey}\n`)
  await writeAtomically(at('known-hosts'), keys.join(''))
  const sudo = process.env['SUDO_UID'] ? 'sudo ' : ''
  const rows = [
    ['the server', `${(await read('ota'))?.url ?? ''}, token: ${sudo}cat ${at('ota', 'token')}`],
    ...serials.map((serial) => [serial, `${sudo}ssh -F ${at('ssh-config')} ${serial}`]),
    ['a power cut', `${sudo}touch ${at('devices', 'canary-01', 'powercut')}`],
    ['their logs', `${at('ota.log')}, ${at('device-*.log')}`],
    ['to stop it all', 'npm run demo -- --stop'],
  ]
  return `\nThe server and the devices go on running:\n${rows.map(([what = '', how]) => `  ${what.padEnd(16)}${how}`).join('\n')}`
}
