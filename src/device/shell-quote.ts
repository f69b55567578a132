import { Failure } from '../platform/platform.ts'

/**
 * The words as one command line that a POSIX shell takes apart into exactly these words again. ssh hands the far shell one
 * text whatever it was given. Throws `bad-input` for a word with a NUL, which no command line can carry.
 */
export function shellQuote(words: readonly string[]): string {
  return words.map(quoteWord).join(' ')
}

function quoteWord(word: string): string {
  if (word.includes('\0')) throw new Failure('bad-input', "a command's argument contains a NUL character")
  if (/^[A-Za-z0-9_/.:,@%+][A-Za-z0-9_/.:,@%+=-]*$/.test(word)) return word
  return `'${word.replaceAll("'", `'\\''`)}'`
}
