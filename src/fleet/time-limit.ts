// Work that may never end by itself, such as a regular expression from a checkout, with a limit in time. It stays in this
// thread: V8 breaks off what runs below a script of its own, regular expressions among it.
import { Script, createContext } from 'node:vm'

const box: { work: (() => void) | undefined } = { work: undefined }
let script: { run: (timeoutMs: number) => void } | undefined

/** What `work` gives, or undefined where it takes longer than `limitMs`; then it is broken off wherever it is. */
export function withinTime<T>(limitMs: number, work: () => T): { value: T } | undefined {
  let result: { value: T } | undefined
  box.work = () => {
    result = { value: work() }
  }
  script ??= prepared()
  try {
    script.run(limitMs)
  } catch (error) {
    if (isTimeout(error)) return undefined
    throw error
  }
  return result
}

/** The error is one of the script's own world: no `Error` of ours. */
function isTimeout(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false
  return error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}

function prepared(): { run: (timeoutMs: number) => void } {
  const context = createContext(box)
  const call = new Script('work()')
  return { run: (timeout) => void call.runInContext(context, { timeout }) }
}
