import { basename, resolve } from 'node:path'
import { type Context, Failure, oneLine, shorten, writeAtomically } from '../platform/platform.ts'
import type { Deployment, OtaServer } from './ota-server.ts'
import { poll } from './poll.ts'

export interface KeptLog {
  path: string
  text: string
  /** Its last lines, each cut to a length that is read. */
  tail: string
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
  const path = resolve(folder, `deployment-${fileNameOf(deployment.id)}-${fileNameOf(device)}.log`)
  await writeAtomically(path, text)
  const lines = text.trimEnd().split('\n')
  const tail = lines.slice(-maxShownLines).map((line) => oneLine(shorten(line, 500)))
  await context.log.group(`log of ${device}, its last lines (all ${lines.length} in ${path})`, async () => {
    for (const line of tail) context.log.info(line)
  })
  return { path, text, tail: tail.join('\n'), wasInstalled: /after-reboot \[|ArtifactCommit/.test(text) }
}

/** So much of a log fits into a message that is read. */
const maxTellingCharacters = 200

/**
 * What of a log tells why, in one short line, for a message: what the failing scripts wrote to their standard error, else
 * the errors, else the last line; without times and levels.
 */
export function tellingLines(text: string): string {
  const entries = entriesOf(text)
  const errors = entries.filter(({ level }) => /^(error|fatal|critical|panic)$/.test(level))
  const scripts = entries.filter(({ message }) => isFailedScript(message, errors))
  const telling = [scripts.flatMap(({ more }) => more), errors.map(({ message }) => message)].find(
    (lines) => lines.length > 0,
  )
  const lines = telling ?? entries.slice(-1).map(({ message }) => message)
  return shorten([...new Set(lines.map(oneLine))].join(' / '), maxTellingCharacters)
}

interface Entry {
  level: string
  message: string
  /** The lines that follow without a time of their own. */
  more: string[]
}

/** The log's entries; lines before the first one that has a time stand alone. */
function entriesOf(text: string): Entry[] {
  const entries: Entry[] = []
  for (const line of text.split('\n')) {
    // `2026-01-31T12:00:00Z error: message`; others write the time with spaces and a zone
    const match = /^\d{4}-\d\d-\d\d[T ].{0,40}?\s(?<level>[a-z]+):\s(?<message>.*)$/.exec(line)
    const last = entries.at(-1)
    if (match?.groups) {
      entries.push({ level: match.groups['level'] ?? '', message: match.groups['message'] ?? '', more: [] })
    } else if (/[A-Za-z]/.test(line) && !/^-+ end of script output$/.test(line)) {
      if (last) last.more.push(line)
      else entries.push({ level: '', message: line, more: [] })
    }
  }
  return entries
}

// the client tells of every script that wrote something; its errors name the one that failed
function isFailedScript(message: string, errors: readonly Entry[]): boolean {
  const path = /^Collected output \(stderr\) while running script (\S+)/.exec(message)?.[1]
  return path !== undefined && errors.some((error) => error.message.includes(basename(path)))
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
