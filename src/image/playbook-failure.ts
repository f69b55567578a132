import { Failure, lastWords } from '../platform/platform.ts'

/** What a run of Ansible left: its output since the playbook began, what stands on standard error, its exit status. */
export interface FailedRun {
  said: string
  stderr: string
  code: number
  playbook: string
  /** Whether what failed is what goes on around Ansible. */
  isOurs: boolean
}

/** What went wrong, the task first. The patterns are the words of Ansible's default output, and those of the C locale. */
export function explainedPlaybook({ said, stderr, code, playbook, isOurs }: FailedRun): Failure {
  const all = `${said}\n${stderr}`
  if (/No space left on device/.test(all))
    return new Failure(
      'disk-full',
      `no space left while the playbook ${playbook} ran: free some and run again`,
    )
  if (isOurs) return aroundAnsible(stderr, code)
  const failed = lastFailure(said)
  if (!failed) {
    const words = lastWords(
      stderr.replace(/^\[(WARNING|DEPRECATION WARNING)\].*$/gm, ''),
      'ansible-playbook',
      code,
    )
    return new Failure('build-failed', `the playbook ${playbook} can't be run: ${words}`)
  }
  return new Failure(
    'build-failed',
    `the playbook ${playbook} failed in the task "${failed.task}": ${failed.message}`,
  )
}

function aroundAnsible(stderr: string, code: number): Failure {
  const words = lastWords(stderr, 'the root file system', code)
  if (/newuidmap|newgidmap|subuid|subgid|unshare|Operation not permitted|permission denied/i.test(stderr))
    return new Failure(
      'missing-rights',
      `playbooks are run by root, or by a user with subordinate ids (package uidmap, a line in /etc/subuid) on a machine that allows user namespaces: run this with sudo. It said: ${words}`,
    )
  return new Failure('build-failed', `the root file system can't be made ready for its playbooks: ${words}`)
}

/** The last failure that the play did not ignore: the task's name and what its module said. */
function lastFailure(said: string): { task: string; message: string } | undefined {
  const lines = said.split('\n')
  let task = ''
  let found: { task: string; message: string } | undefined
  for (const [index, line] of lines.entries()) {
    task = /^(?:TASK|RUNNING HANDLER) \[(.*)\] \**$/.exec(line)?.[1] ?? task
    const text = /^(?:fatal|failed): \[[^\]]*\](?:: \w+!| \(item=.*?\))? => (.*)$/.exec(line)?.[1]
    if (text !== undefined && lines[index + 1] !== '...ignoring') found = { task, message: messageIn(text) }
  }
  return found
}

/** A module's result is JSON with `msg`; where its program broke, that says nothing and its standard error does. */
function messageIn(text: string): string {
  const words = (name: string) => {
    const quoted = new RegExp(`"${name}": ("(?:[^"\\\\]|\\\\.)*")`).exec(text)?.[1]
    if (quoted === undefined) return ''
    const value: unknown = JSON.parse(quoted)
    return typeof value === 'string' ? value.trim() : ''
  }
  const own = words('stderr') || words('module_stderr')
  const details = own === '' ? '' : lastWords(own, '', 0)
  const message = words('msg')
  const parts = [message, message.includes(details) ? '' : details].filter(Boolean)
  return (parts.length > 0 ? parts.join(': ') : text).replace(/\s*\n\s*/g, ' / ').slice(0, 600)
}
