// One step of the OTA rows, in a process of its own: `sink` discards what is sent to it and tells how long each request took,
// `send URL FILE` sends a file as an upload does, `facts URL` reads all facts with the token in BENCH_TOKEN.
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gatherFacts, openServer } from '../src/ota/ota.ts'
import { markFile, multipart, openHttp, plainContext } from '../src/platform/platform.ts'

const [step, url = '', path = ''] = process.argv.slice(2)
if (step === 'sink') sink()
if (step === 'send') await send()
if (step === 'facts') {
  const token = process.env['BENCH_TOKEN'] ?? ''
  const context = plainContext()
  await gatherFacts(openServer({ type: 'mender', url, token }, context), context)
}

function sink(): void {
  const server = createServer((request, reply) => {
    let startedAt = 0
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      if (bytes === 0) startedAt = performance.now()
      bytes += chunk.length
    })
    request.on('end', () => {
      process.stdout.write(`${request.method} ${bytes} ${performance.now() - startedAt}\n`)
      reply.writeHead(201).end()
    })
  })
  server.listen(0, '127.0.0.1', () =>
    process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`),
  )
}

async function send(): Promise<void> {
  const context = plainContext()
  const { size } = await stat(path)
  const form = {
    fields: [['size', String(size)]] as const,
    field: 'artifact',
    path,
    fileName: 'artifact.mender',
    contentType: 'application/octet-stream',
    sizeBytes: size,
    mark: await markFile(path),
  }
  await openHttp({ baseUrl: url }, context).send({ method: 'POST', path: '/', ...multipart(form, context) })
}
