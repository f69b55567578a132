import { lstat, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import {
  type Context,
  Failure,
  type ProcessIdentity,
  hasCode,
  launch,
  stopProcess,
  writeAtomically,
} from '../platform/platform.ts'
import { type CrowdOptions, crowdServers } from './crowd.ts'
import { type CrowdReport, crowdReportSchema } from './crowd-report.ts'
import { faultSchema } from './faults.ts'

const what = 'the crowd of devices'
const reportName = 'report.json'

/** The token comes by the environment: the file lies where a job's files are published from. */
const tokenVariable = 'DROVER_CROWD_TOKEN'

/** What the process of a crowd is told. */
export const crowdFile = {
  name: 'crowd.json',
  parse: (text: string): CrowdOptions => ({
    ...v.parse(v.pipe(v.string(), v.parseJson(), optionsSchema), text),
    token: process.env[tokenVariable],
  }),
}

const optionsSchema = v.object({
  url: v.string(),
  serverType: v.optional(v.picklist(crowdServers)),
  deviceTypes: v.record(v.string(), v.number()),
  release: v.string(),
  attributes: v.record(v.string(), v.string()),
  faults: v.array(v.object({ fault: faultSchema, share: v.number() })),
  seed: v.string(),
  pollMs: v.number(),
  speed: v.number(),
})
const fileSchema = v.object({
  process: v.object({ pid: v.number(), startTime: v.string() }),
  report: crowdReportSchema,
})

/** A crowd in a process of its own. */
export interface LaunchedCrowd extends ProcessIdentity {
  /** Path of the report (JSON), written every two seconds and once more at the end. */
  report: string
  /** What happened to which device, a line each. */
  logFile: string
}

/**
 * Starts a crowd as a process that outlives this one, and resolves when its devices are on their way. `folder` is made and
 * gets its report and log; `bad-input` where it is a link. On an abort the process is gone before this throws.
 */
export async function launchCrowd(
  options: CrowdOptions,
  place: { script: string; folder: string; onStarted?: (identity: ProcessIdentity) => void },
  context: Context,
): Promise<LaunchedCrowd> {
  const { folder, script, onStarted } = place
  const report = join(folder, reportName)
  const logFile = join(folder, 'crowd.log')
  await mkdir(folder, { recursive: true })
  // a checkout can bring one, to any folder of the machine
  if ((await lstat(folder)).isSymbolicLink())
    throw new Failure('bad-input', `${folder} is a link, and nothing is kept behind one: remove it`)
  await rm(report, { force: true })
  const { onEvent: _, token, ...told } = options
  await writeAtomically(join(folder, crowdFile.name), `${JSON.stringify(told, undefined, 2)}\n`)
  const { pid, startTime } = await launch(
    {
      what,
      script,
      args: [folder],
      cwd: folder,
      logFile,
      env: token === undefined ? undefined : { [tokenVariable]: token },
      onStarted,
      ready: async (identity) => (await readReport(report))?.process.pid === identity.pid || undefined,
    },
    context,
  )
  return { pid, startTime, report, logFile }
}

/** Ends a crowd that was launched, and gives its last report; undefined where it has none. May be repeated. */
export async function endCrowd(
  identity: ProcessIdentity,
  folder: string,
  context: Context,
): Promise<CrowdReport | undefined> {
  await stopProcess(identity, what, context)
  return (await readReport(join(folder, reportName)))?.report
}

/** Writes a report where `launchCrowd` and `endCrowd` look for it. */
export async function keepReport(folder: string, self: ProcessIdentity, report: CrowdReport): Promise<void> {
  await writeAtomically(
    join(folder, reportName),
    `${JSON.stringify({ process: self, report }, undefined, 2)}\n`,
  )
}

async function readReport(path: string) {
  try {
    return v.parse(v.pipe(v.string(), v.parseJson(), fileSchema), await readFile(path, 'utf8'))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw new Failure('internal', `${path} is not what ${what} writes`, { cause: error })
  }
}
