// How to reach what --keep leaves running.
import { join } from 'node:path'
import * as v from 'valibot'
import { readYaml, writeAtomically } from '../src/platform/platform.ts'
import { serials } from './devices.ts'
import type { RunFolder } from './run-folder.ts'

const answers = v.object({
  url: v.optional(v.string()),
  ssh: v.optional(v.string()),
  hostKey: v.optional(v.string()),
})

/** Writes an ssh configuration in which the devices have their serial numbers as names; returns its path. May be repeated. */
export async function writeSshConfig(run: RunFolder): Promise<string> {
  const at = (name: string) => join(run.path, name)
  const devices = await Promise.all(serials.map((serial) => said(run, `device-${serial}`)))
  const hosts = serials.map((serial, i) => {
    const { hostname, port } = placeOf(devices[i])
    return `Host ${serial}\n  HostName ${hostname}\n  Port ${port || 22}\n  HostKeyAlias ${serial}\n`
  })
  const common = `Host *\n  User root\n  IdentityFile ${at('ssh-key')}\n  UserKnownHostsFile ${at('known-hosts')}\n`
  await writeAtomically(at('ssh-config'), hosts.join('') + common)
  const keys = devices.map((device, i) => `${serials[i]} ${device?.hostKey}\n`)
  await writeAtomically(at('known-hosts'), keys.join(''))
  return at('ssh-config')
}

const placeOf = (device: { ssh?: string | undefined } | undefined) => new URL(device?.ssh ?? 'ssh://unknown')

async function said(run: RunFolder, name: string) {
  return (await readYaml(join(run.path, `${name}.json`), answers).catch(() => undefined))?.value
}

/** Commands to copy; writes the ssh configuration that they use. */
export async function howToReach(run: RunFolder): Promise<string> {
  const at = (...names: string[]) => join(run.path, ...names)
  const config = await writeSshConfig(run)
  const sudo = process.env['SUDO_UID'] ? 'sudo ' : ''
  const rows = [
    ['the server', `${(await said(run, 'ota'))?.url ?? ''}, token: ${sudo}cat ${at('ota', 'token')}`],
    ...serials.map((serial) => [serial, `${sudo}ssh -F ${config} ${serial}`]),
    ['a power cut', `${sudo}touch ${at('devices', 'canary-01', 'powercut')}`],
    ['their logs', `${at('ota.log')}, ${at('device-*.log')}`],
    ['to stop it all', 'npm run demo -- --stop'],
  ]
  return `\nThe server and the devices go on running:\n${rows.map(([what = '', how]) => `  ${what.padEnd(16)}${how}`).join('\n')}`
}
