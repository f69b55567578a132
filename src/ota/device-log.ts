import { join } from 'node:path'
import { type Context, Failure, oneLine, shorten, writeAtomically } from '../platform/platform.ts'
import type { Deployment, OtaServer } from './ota-server.ts'
import { poll } from './poll.ts'

export interface KeptLog {
  path: string
  text: string
  /** Whether the log tells of what comes after the installation: what fails from there on is rolled back. */
  wasInstalled: boolean
}

/** The client sends its log after its status, once. */
const waitMs = 10_000
const maxShownLines = 40

/**
 * Fetches a device's log of a deployment, waiting a moment where one is expected, shows its end and keeps all of it in a
 * file; undefined where the device sent none. A log that can't be had never hides the failure that it is about.
 */
export async function keepLog(
  server: OtaServer,
  { deployment, device, isExpected }: { deployment: Deployment; device: string; isExpected: boolean },
  folder: string,
  context: Context,
): Promise<KeptLog | undefined> {
  const text = await fetchLog(server, deployment, device, isExpected ? waitMs : 0, context)
  if (text === undefined) {
    context.log.info(`the device sent no log of deployment ${deployment.id}`)
    return undefined
  }
  const path = join(folder, `deployment-${fileNameOf(deployment.id)}-${fileNameOf(device)}.log`)
  await writeAtomically(path, text)
  const lines = text.trimEnd().split('\n')
  await context.log.group(`log of ${device}, its last lines (all ${lines.length} in ${path})`, async () => {
    for (const line of lines.slice(-maxShownLines)) context.log.info(oneLine(shorten(line, 500)))
  })
  return { path, text, wasInstalled: /after-reboot \[|ArtifactCommit/.test(text) }
}

/** What of a log tells why, in one line, for a message: its last error and what came before that, else its last lines. */
export function tellingLines(text: string): string {
  const lines = text.split('\n').filter((line) => /[A-Za-z]/.test(line))
  const error = lines.findLastIndex((line) => /\s(error|fatal|critical): /i.test(line))
  const end = error === -1 ? lines.length : error + 1
  return lines
    .slice(Math.max(0, end - 4), end)
    .map((line) => shorten(oneLine(line), 300))
    .join(' / ')
}

async function fetchLog(
  server: OtaServer,
  { id }: Deployment,
  device: string,
  waitMs: number,
  context: Context,
): Promise<string | undefined> {
  try {
    return await poll<string>(context, context.clock.now().getTime() + waitMs, async () => {
      const text = await server.log(id, device)
      return text === undefined ? { stands: '' } : { done: text }
    })
  } catch (error) {
    if (!(error instanceof Failure) || error.reason === 'cancelled') throw error
    context.log.warn(`the device's log can't be had: ${error.message}`)
    return undefined
  }
}

function fileNameOf(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 100)
}
