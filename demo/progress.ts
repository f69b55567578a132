// What a person sees while the demonstration runs: which step, for how long, what it last said, what came out.
import { Failure, oneLine, seconds, shorten } from '../src/platform/platform.ts'
import { columns, write } from './terminal.ts'

/** How a step ended, for the closing table and the summary page. */
export interface StepResult {
  title: string
  state: 'passed' | 'failed'
  result: string
  seconds: number
}

/** Runs steps one after the other and keeps what came of them. */
export class Progress {
  readonly steps: StepResult[] = []
  readonly #total: number
  readonly #isTerminal = process.stdout.isTTY
  #lastSaid = ''

  constructor(total: number) {
    this.#total = total
  }

  /**
   * Runs one step under a title. `work` tells what it does through `say` and returns its value with one line on what came
   * out. Rethrows what `work` throws, after it stands in the table as failed.
   */
  async step<T>(
    title: string,
    work: (say: (line: string) => void) => Promise<{ value: T; result: string }>,
  ): Promise<T> {
    const startedAt = performance.now()
    const heading = `[${this.steps.length + 1}/${this.#total}] ${title}`
    write(`${heading}\n`)
    this.#lastSaid = ''
    const ticker = setInterval(() => this.#tick(startedAt), this.#isTerminal ? 120 : 15_000)
    const finish = (state: StepResult['state'], result: string) => {
      clearInterval(ticker)
      const step = { title, state, result: oneLine(result), seconds: (performance.now() - startedAt) / 1000 }
      this.steps.push(step)
      this.#line(
        `  ${state === 'passed' ? '✔' : '✖'} ${shorten(step.result, 220)} (${seconds(step.seconds * 1000)})\n`,
      )
    }
    try {
      const { value, result } = await work((line) => this.#say(line))
      finish('passed', result)
      return value
    } catch (error) {
      const reason = error instanceof Failure ? `${error.reason}: ` : ''
      finish('failed', `${reason}${error instanceof Error ? error.message : String(error)}`)
      throw error
    }
  }

  /** Shows a line that stays. */
  note(line: string): void {
    this.#line(`  ${line}\n`)
  }

  #say(line: string): void {
    const text = oneLine(line)
    if (!text) return
    this.#lastSaid = text
    if (!this.#isTerminal) write(`  · ${shorten(text, 200)}\n`)
  }

  #tick(startedAt: number): void {
    const line = `  … ${seconds(performance.now() - startedAt).padEnd(6)} ${this.#lastSaid}`
    if (this.#isTerminal) write(`\r\u001b[K${shorten(line, columns() - 1)}`)
    else write(`${shorten(line, 200)}\n`)
  }

  #line(text: string): void {
    write(this.#isTerminal ? `\r\u001b[K${text}` : text)
  }
}

/** The closing table as text. */
export function table(steps: readonly StepResult[]): string {
  const width = Math.max(...steps.map(({ title }) => title.length))
  const room = Math.max(columns() - width - 22, 20)
  const rows = steps.map(
    ({ title, state, result, seconds: s }, index) =>
      `  ${String(index + 1).padStart(2)}  ${title.padEnd(width)}  ${state === 'passed' ? '✔' : '✖'}  ${s.toFixed(1).padStart(6)} s  ${shorten(result, room)}`,
  )
  const total = steps.reduce((sum, step) => sum + step.seconds, 0)
  return `${rows.join('\n')}\n      ${'together'.padEnd(width)}     ${total.toFixed(1).padStart(6)} s\n`
}
