import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import * as v from 'valibot'
import { Failure, hasCode, messageOf } from '../platform/platform.ts'
import { isLike, patternOf } from './pattern.ts'
import { Refusal } from './refusal.ts'
import { migrations } from './schema.ts'

const sqliteBusy = 5
const sqliteFull = 13

/**
 * The server's database: rows checked by a schema as they come out, one transaction at a time. A statement or transaction
 * that returned is on disk (WAL, synchronous FULL), so a handler may answer as soon as it has.
 */
export class Store {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #depth = 0

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** All rows of a query. */
  all<S extends v.GenericSchema>(schema: S, sql: string, ...values: SQLInputValue[]): v.InferOutput<S>[] {
    return this.#try(() => this.#prepare(sql).all(...values)).map((row) => v.parse(schema, row))
  }

  /** The first row of a query, or undefined. */
  get<S extends v.GenericSchema>(
    schema: S,
    sql: string,
    ...values: SQLInputValue[]
  ): v.InferOutput<S> | undefined {
    const row = this.#try(() => this.#prepare(sql).get(...values))
    return row === undefined ? undefined : v.parse(schema, row)
  }

  /** The number that a `SELECT count(*) AS n …` gives. */
  count(sql: string, ...values: SQLInputValue[]): number {
    return this.get(v.object({ n: v.number() }), sql, ...values)?.n ?? 0
  }

  /** Runs a statement and returns how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#try(() => this.#prepare(sql).run(...values)).changes)
  }

  /** Runs `work` as one transaction: all of it is kept, or (where it throws) nothing. May be nested. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work()
    this.#try(() => this.#db.exec('BEGIN IMMEDIATE'))
    this.#depth++
    try {
      const result = work()
      this.#try(() => this.#db.exec('COMMIT'))
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    } finally {
      this.#depth--
    }
  }

  /** Folds the log into the database file and lets go of it. May be repeated. */
  close(): void {
    if (this.#db.isOpen) this.#db.close()
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #try<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (errorNumber(error) === sqliteFull) throw diskFull(error)
      throw error
    }
  }
}

/** The answer where nothing more can be stored. */
export function diskFull(cause: unknown): Refusal {
  return new Refusal(507, "the server's disk is full: nothing was stored; free some space and try again", {
    cause,
  })
}

/**
 * Opens (or makes) the database file and locks it for this process: the lock goes with the process, however it ends.
 * Throws `bad-input` where another server has it, `invalid-file` where it is no database or a newer version's.
 */
export function openStore(path: string): Store {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { timeout: 500, enableForeignKeyConstraints: true })
    // exclusive: the lock on the file is what keeps a second server off, and no shared memory file is needed
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    db.exec('BEGIN IMMEDIATE; COMMIT')
    db.function('matches', { deterministic: true, directOnly: true }, matches)
    migrate(db)
    return new Store(db)
  } catch (error) {
    db?.close()
    throw openFailure(error, path)
  }
}

function openFailure(error: unknown, path: string): unknown {
  if (error instanceof Failure) return error
  if (errorNumber(error) === sqliteBusy) {
    const message = `${path} is in use by another OTA server: stop that one, or give another data-dir`
    return new Failure('bad-input', message, { cause: error })
  }
  if (errorNumber(error) === sqliteFull)
    return new Failure('disk-full', `no space left for ${path}`, { cause: error })
  if (!hasCode(error, 'ERR_SQLITE_ERROR')) return error
  const message = `${path} can't be opened as this server's database: ${messageOf(error)}`
  return new Failure('invalid-file', message, { cause: error })
}

function migrate(db: DatabaseSync): void {
  const row = db.prepare('PRAGMA user_version').get()
  const version = Number(row?.['user_version'])
  if (version > migrations.length) {
    throw new Failure('invalid-file', `the data-dir was written by a newer version of the OTA server`)
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT`)
  }
}

function errorNumber(error: unknown): number | undefined {
  if (!hasCode(error, 'ERR_SQLITE_ERROR') || !(error instanceof Error) || !('errcode' in error))
    return undefined
  return Number(error.errcode) & 0xff
}

const patterns = new Map<string, RegExp>()

// the search operator $regex
function matches(pattern: SQLInputValue, text: SQLInputValue): number {
  if (typeof pattern !== 'string' || (typeof text !== 'string' && typeof text !== 'number')) return 0
  const source = pattern
  let known = patterns.get(source)
  if (!known) {
    known = patternOf(source)
    if (patterns.size > 100) patterns.clear()
    patterns.set(source, known)
  }
  return isLike(known, String(text)) ? 1 : 0
}
