import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { markFile, multipart, openHttp, plainContext } from '../../src/platform/platform.ts'
import { serve } from '../support/hostile-server.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('a file arrives byte for byte, however slowly it is taken', async (t) => {
  const path = join(await temporaryFolder(t), 'file')
  const content = randomBytes(12_345_678)
  await writeFile(path, content)
  const received: Buffer[] = []
  const url = await serve(t, (incoming, outgoing) => {
    void (async () => {
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        received.push(Buffer.from(chunk))
        if (received.length % 16 === 0) await sleep(1)
      }
      outgoing.writeHead(201).end()
    })()
  })
  const form = {
    fields: [['size', String(content.length)]] as const,
    field: 'artifact',
    path,
    fileName: 'a.mender',
    contentType: 'application/octet-stream',
    sizeBytes: content.length,
    mark: await markFile(path),
  }
  const context = plainContext()
  await openHttp({ baseUrl: url }, context).send({ method: 'POST', path: '/', ...multipart(form, context) })
  const body = Buffer.concat(received)
  const start = body.indexOf('\r\n\r\n', body.indexOf('a.mender')) + 4
  const sent = body.subarray(start, start + content.length)
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  assert.equal(sha256(sent), sha256(content))
  assert.match(body.subarray(start + content.length).toString(), /^\r\n--drover-[0-9a-f]{32}--\r\n$/)
})
