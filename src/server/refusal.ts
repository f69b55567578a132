/**
 * An answer other than success, decided anywhere below a route: it ends as the envelope `{error, request_id}` with this
 * status. The text is for the caller: what is wrong, never a path or a secret of ours.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  /** Goes into the envelope beside the text. */
  readonly details: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    message: string,
    options: { details?: Record<string, unknown>; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.status = status
    this.details = options.details ?? {}
    this.headers = options.headers ?? {}
  }
}

/** The 404 of everything that an id in a URL names. */
export function notFound(what: string): Refusal {
  return new Refusal(404, `${what} not found`)
}
