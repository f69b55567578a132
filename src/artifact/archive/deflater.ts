import type { BlockCompressor } from './compress-workers.ts'

/**
 * Starts the program of deflate-code.ts, whose pieces are whole bytes of deflate, none of them final. Its text runs in worker
 * threads too, so it uses nothing from outside itself. The result depends on the arguments alone: WebAssembly computes the
 * same on every machine.
 */
export function deflater(code: Uint8Array<ArrayBuffer>): BlockCompressor {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code))
  const { memory, input, output, deflate } = exports
  if (!(memory instanceof WebAssembly.Memory) || typeof deflate !== 'function')
    throw new Error('no such code')
  if (!(input instanceof WebAssembly.Global) || !(output instanceof WebAssembly.Global))
    throw new Error('no such code')
  const [inputAt, outputAt] = [Number(input.value), Number(output.value)]
  const bytes = new Uint8Array(memory.buffer)
  return (block, history) => {
    bytes.set(history, inputAt - history.length)
    bytes.set(block, inputAt)
    const size = Number(deflate(history.length, block.length))
    return bytes.subarray(outputAt, outputAt + size)
  }
}
