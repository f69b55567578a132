import type { Action } from '../../src/action/action.ts'
import { type Repository, isOfFork, readEvent } from '../../src/github/github.ts'
import type { RunnerDevice, RunnerRequest } from '../../src/operate/operate.ts'
import { Failure } from '../../src/platform/platform.ts'

type Enroll = Action<'enroll-device'>

/** What is wanted: a runner on a device, or to know that labels have one. */
export type Wish = { kind: 'enroll'; device: string } | { kind: 'check'; labels: readonly string[] }

/** Nothing of a stranger's may come near a runner in a lab. Throws `fork-refused`. */
export async function refuseStrangers(): Promise<void> {
  if (!(await isOfFork())) return
  throw new Failure(
    'fork-refused',
    "this job was started by a pull request from a fork, whose code would run on a device of yours: test it on a virtual device on GitHub's own runners, or after the merge",
  )
}

/** The repository whose job the runner is to take. Throws `bad-input` outside of one. */
export async function repositoryOf(): Promise<Repository> {
  const { repository } = await readEvent()
  if (repository) return repository
  throw new Failure(
    'bad-input',
    'a runner belongs to a repository: set GITHUB_REPOSITORY to owner/repository where no job does',
  )
}

/** Throws `bad-input` where not exactly one of the two is asked for, and for a role that there isn't yet. */
export function wishOf(input: Enroll['input']): Wish {
  const [device, labels] = [input.optional('device'), input.list('require-runner')]
  const isCheck = input.optional('require-runner') !== undefined
  if (device !== undefined && isCheck)
    throw new Failure(
      'bad-input',
      'give device or require-runner: what is started for this job needs no check',
    )
  if (isCheck) return { kind: 'check', labels }
  const other = input.list('roles').find((role) => role !== 'runner')
  if (other !== undefined)
    throw new Failure(
      'bad-input',
      `roles: "${other}" is not built yet: the one role that can be given is runner`,
    )
  return { kind: 'enroll', device: device ?? input.required('device') }
}

/** What enrolling needs beside the device. Throws `bad-input`. */
export function requestOf(device: RunnerDevice, hostKey: string, action: Enroll): RunnerRequest {
  const { input } = action
  const group = input.optional('runner-group') ?? '1'
  if (!/^[1-9]\d{0,9}$/.test(group))
    throw new Failure(
      'bad-input',
      `runner-group is "${group}"; write the group's number, as its address has it`,
    )
  const { GITHUB_RUN_ID: run = 'shell', GITHUB_RUN_ATTEMPT: attempt = '1' } = process.env
  return {
    device,
    hostKey,
    sshKey: input.key('ssh-key'),
    attempt: { run, attempt },
    group: Number(group),
    labels: input.list('labels'),
    mask: (secret) => action.mask(secret),
  }
}
