// The search operator $regex. Who searches writes the pattern, with a token for reading alone too, and devices write the texts:
// some pairs would keep the server for ever, so each has little time.
import { Script, createContext } from 'node:vm'
import { messageOf } from '../platform/platform.ts'
import { Refusal } from './refusal.ts'

/** Far more than any pattern in its senses needs for one text. */
const limitMs = 100

const place: { pattern: RegExp; text: string } = { pattern: /^/, text: '' }
const room = createContext(place)
const look = new Script('pattern.test(text)')

/** Whether a text is as `pattern` says; throws a 400 where that takes too long to tell. */
export function isLike(pattern: RegExp, text: string): boolean {
  place.pattern = pattern
  place.text = text
  try {
    return look.runInContext(room, { timeout: limitMs }) === true
  } catch (error) {
    // nothing else ends a look; the error is of the other room, whose class is not ours
    throw new Refusal(400, '$regex: the pattern takes too long: write a simpler one', { cause: error })
  }
}

/** Reads `$regex`'s value, anchored at the start or `/pattern/flags`; throws a 400 where it is none. */
export function patternOf(source: string): RegExp {
  const slashed = /^\/(.*)\/([imsu]*)$/s.exec(source)
  try {
    return slashed ? new RegExp(slashed[1] ?? '', slashed[2]) : new RegExp(`^(?:${source})`)
  } catch (error) {
    throw new Refusal(400, `$regex: ${messageOf(error)}`, { cause: error })
  }
}
