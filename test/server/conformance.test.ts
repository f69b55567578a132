// Every operation of Mender's API document that the embedded server has: what the document allows is taken, and what is
// answered is what the document says.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { operations } from '../support/mender-api.ts'
import { needs } from '../support/needs.ts'
import { conforms } from './conformance.ts'
import { type AuthDevice, acceptAll, ed25519, fakeDevice, moduleArtifact, startLab } from './lab.ts'

const skip = needs('mender-artifact')
const device = '/api/devices/v1'
const deviceDeployments = `${device}/deployments/device/deployments`
const management = '/api/management'
const deployments = `${management}/v1/deployments/deployments`
const releases = `${management}/v2/deployments/deployments/releases`
const artifacts = `${management}/v1/deployments/artifacts`
const auth = `${management}/v2/devauth/devices`
const inventory = `${management}/v1/inventory`
const tokens = `${management}/v1/useradm/settings/tokens`

/** A server with one of everything, and a call that compares each answer with the document and counts the operation. */
async function world(t: TestContext) {
  const lab = await startLab(t)
  const done = new Set<string>()
  const one = fakeDevice(lab.server.url, 'one')
  await one.authenticate()
  const { one: id = '' } = await acceptAll(lab)
  await one.authenticate()
  await one.inventory({ device_type: 'testdev', artifact_name: 'old' })
  for (const [name, types] of [
    ['os-1', ['testdev']],
    ['os-2', ['testdev']],
    ['os-3', ['other']],
  ] as const)
    await lab.upload(await moduleArtifact(lab.folder, name, { deviceTypes: [...types] }), {
      description: `release ${name}`,
    })
  const send = async (
    method: string,
    path: string,
    { body, token = lab.server.token, headers = {} }: Sent = {},
  ): Promise<Answer> => {
    const reply = await fetch(`${lab.server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await reply.text()
    const requestBody = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
    const { status, headers: said } = reply
    const operation = conforms({ method, path, requestBody, status, headers: said, body: text })
    if (status < 300 && operation !== undefined) done.add(operation)
    return { status, headers: said, text }
  }
  const get = async <T>(path: string) => JSON.parse((await send('GET', path)).text) as T
  return { lab, send, get, done, id, one }
}

interface Sent {
  body?: unknown
  token?: string
  headers?: Record<string, string>
}
interface Answer {
  status: number
  headers: Headers
  text: string
}

test(
  'each operation of the document succeeds with what the document allows, and answers as it says',
  { skip },
  async (t) => {
    const { lab, send, get, done, id, one } = await world(t)
    const takes = async (status: number, method: string, path: string, sent?: Sent) => {
      const answer = await send(method, path, sent)
      assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(sent?.body)}: ${answer.text}`)
      return answer
    }

    // people and programs
    const basic = `Basic ${Buffer.from(`admin:${lab.server.token}`).toString('base64')}`
    for (const body of [undefined, {}, { no_expiry: true }])
      await takes(200, 'POST', `${management}/v1/useradm/auth/login`, {
        body,
        headers: { authorization: basic },
      })
    const { text: login } = await send('POST', `${management}/v1/useradm/auth/login`, {
      headers: { authorization: basic },
    })
    await takes(202, 'POST', `${management}/v1/useradm/auth/logout`, { token: login })
    await takes(200, 'POST', tokens, { body: { name: 'without an end' } })
    await takes(200, 'POST', tokens, { body: { name: 'an hour', expires_in: 3600 } })
    await takes(409, 'POST', tokens, { body: { name: 'an hour' } })
    const [listed] = await get<{ id: string; expiration_date: string }[]>(tokens)
    assert.ok(Date.parse(listed?.expiration_date ?? '') > Date.now())
    await takes(204, 'DELETE', `${tokens}/${listed?.id}`)

    // device authentication
    const pubkey = ed25519().publicKey.export({ type: 'spki', format: 'pem' })
    const identity = { mac: '00:11', sku: 'a', sn: '1' }
    await takes(201, 'POST', auth, { body: { identity_data: identity, pubkey } })
    await takes(409, 'POST', auth, { body: { identity_data: identity, pubkey, force: false } })
    const [waiting] = await get<AuthDevice[]>(`${auth}?status=preauthorized`)
    const set = `${auth}/${waiting?.id}/auth/${waiting?.auth_sets[0]?.id}`
    for (const status of ['accepted', 'rejected', 'pending']) {
      await takes(204, 'PUT', `${set}/status`, { body: { status } })
      await takes(200, 'GET', `${set}/status`)
    }
    await takes(200, 'POST', `${auth}/search`, { body: {} })
    await takes(200, 'POST', `${auth}/search?page=1&per_page=500`, {
      body: { status: ['accepted', 'pending', 'rejected', 'preauthorized', 'noauth'], id: [id] },
    })
    await takes(200, 'GET', `${auth}/${id}`, { headers: { 'x-men-requestid': 'mine' } })
    await takes(204, 'DELETE', set)
    await takes(204, 'DELETE', `${auth}/${waiting?.id}`)

    // inventory
    const tags = `${inventory}/devices/${id}/tags`
    const tag = { name: 'site', value: '', description: 'where', timestamp: new Date().toISOString() }
    await takes(200, 'PUT', tags, { body: [tag] })
    const { headers } = await takes(200, 'GET', `${inventory}/devices/${id}`)
    await takes(200, 'PATCH', tags, { body: [tag], headers: { 'if-match': headers.get('etag') ?? '' } })
    await takes(412, 'PUT', tags, { body: [], headers: { 'if-match': headers.get('etag') ?? '' } })
    await takes(200, 'GET', `${inventory}/devices/${id}/group`)
    await takes(204, 'PUT', `${inventory}/devices/${id}/group`, { body: { group: 'prod' } })
    await takes(200, 'GET', `${inventory}/devices/${id}/group`)
    await takes(200, 'GET', `${inventory}/groups/prod/devices?page=1&per_page=10`)
    for (const [status, groups] of [
      ['accepted', ['prod']],
      ['pending', []],
    ] as const)
      assert.deepEqual(await get(`${inventory}/groups?status=${status}`), groups)
    await takes(204, 'DELETE', `${inventory}/devices/${id}/group/prod`)
    await takes(200, 'PATCH', `${inventory}/groups/prod/devices`, { body: [id, 'nobody'] })
    await takes(200, 'DELETE', `${inventory}/groups/prod/devices`, { body: [id] })
    await takes(200, 'PATCH', `${inventory}/groups/prod/devices`, { body: [id] })
    const search = `${management}/v2/inventory/filters/search`
    for (const body of [
      undefined,
      {},
      { page: 1, per_page: 500, text: 'old' },
      ...['$eq', '$in', '$nin'].map((type) => ({
        filters: [{ scope: 'inventory', attribute: 'device_type', type, value: 'testdev' }],
      })),
      { sort: ['asc', 'desc'].map((order) => ({ scope: 'system', attribute: 'created_ts', order })) },
      ...['system', 'identity', 'inventory', 'monitor', 'tags'].map((scope) => ({
        attributes: [{ scope, attribute: 'device_type' }],
        filters: [{ scope, attribute: 'x', type: '$nin', value: 'y' }],
      })),
    ])
      await takes(200, 'POST', search, { body })
    await takes(200, 'GET', `${management}/v2/inventory/filters/attributes`)

    // artifacts and releases
    const [stored] = await get<{ id: string }[]>(`${artifacts}?name=os-1`)
    for (const body of [{}, { description: 'other' }])
      await takes(204, 'PUT', `${artifacts}/${stored?.id}`, { body })
    await takes(200, 'GET', `${artifacts}/${stored?.id}`)
    await takes(200, 'GET', `${artifacts}/${stored?.id}/download`)
    for (const body of [undefined, {}, { notes: 'for the north' }])
      await takes(204, 'PATCH', `${releases}/os-1`, { body })
    assert.equal((await get<{ notes: string }>(`${releases}/os-1`)).notes, 'for the north')
    for (const body of [[], ['stable', 'lts']]) await takes(204, 'PUT', `${releases}/os-1/tags`, { body })
    const form = new FormData()
    form.append('description', 'more')
    form.append('size', String((await moduleArtifact(lab.folder, 'os-4')).length))
    form.append('artifact', new Blob([Buffer.from(await moduleArtifact(lab.folder, 'os-4'))]))
    const uploaded = await fetch(`${lab.server.url}${artifacts}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${lab.server.token}` },
      body: form,
    })
    const { status } = uploaded
    const exchanged = { method: 'POST', path: artifacts, requestBody: '', status, headers: uploaded.headers }
    done.add(conforms({ ...exchanged, body: await uploaded.text() }) ?? '')
    assert.equal(status, 201)
    const [spare] = await get<{ id: string }[]>(`${artifacts}?name=os-4`)
    await takes(204, 'DELETE', `${artifacts}/${spare?.id}`)

    // deployments, with a device that takes one up
    const order = { name: 'first', artifact_name: 'os-1', devices: [id], force_installation: true }
    const { headers: made } = await takes(201, 'POST', deployments, { body: order })
    const path = made.get('location') ?? ''
    await takes(409, 'POST', deployments, { body: order })
    await takes(422, 'POST', deployments, { body: { ...order, artifact_name: 'none' } })
    await takes(400, 'POST', deployments, { body: { name: 'x', artifact_name: 'os-1' } })
    const inUse = await takes(409, 'DELETE', `${releases}?name=os-1`)
    const { active_deployments } = JSON.parse(inUse.text) as { active_deployments: string[] }
    assert.deepEqual(active_deployments, [path.split('/').at(-1)])
    await takes(409, 'DELETE', `${artifacts}/${stored?.id}`)
    const token = await (await one.authenticate()).text()
    const next = `${deviceDeployments}/next?artifact_name=old&device_type=testdev`
    await takes(200, 'GET', next, { token })
    const own = path.replace(deployments, deviceDeployments)
    for (const [status, substate] of [
      ['downloading'],
      ['pause_before_installing', ''],
      ['installing', 'unpacking'],
      ['pause_before_rebooting'],
      ['rebooting'],
      ['pause_before_committing'],
      ['failure'],
    ])
      await takes(204, 'PUT', `${own}/status`, { token, body: { status, substate } })
    await takes(409, 'PUT', `${own}/status`, { token, body: { status: 'success' } })
    const line = { timestamp: new Date().toISOString(), level: 'error', message: 'no space left' }
    for (const messages of [[], [line]]) await takes(204, 'PUT', `${own}/log`, { token, body: { messages } })
    await takes(204, 'GET', next, { token })
    const attribute = { name: 'device_type', value: 'testdev', description: 'model' }
    for (const method of ['PUT', 'PATCH'])
      await takes(200, method, `${device}/inventory/device/attributes`, { token, body: [attribute] })
    for (const part of ['', '/statistics', '/devices', '/device_list', `/devices/${id}/log`])
      await takes(200, 'GET', path + part)
    for (const body of [{}, { deployment_ids: [] }, { deployment_ids: [path.split('/').at(-1)] }])
      await takes(200, 'POST', `${deployments}/statistics/list`, { body })
    const all = { name: 'all', artifact_name: 'os-2', all_devices: true }
    const { headers: second } = await takes(201, 'POST', deployments, { body: all })
    await takes(204, 'PUT', `${second.get('location')}/status`, { body: { status: 'aborted' } })
    await takes(422, 'PUT', `${second.get('location')}/status`, { body: { status: 'aborted' } })
    const group = { name: 'group', artifact_name: 'os-2', force_installation: false }
    await takes(201, 'POST', `${deployments}/group/prod`, { body: group })
    await takes(204, 'DELETE', `${deployments}/devices/${id}`)
    await takes(204, 'DELETE', `${deployments}/devices/${id}/history`)
    await takes(200, 'DELETE', `${inventory}/groups/prod`)
    await takes(204, 'DELETE', `${releases}?name=os-1`)
    await takes(204, 'DELETE', `${releases}?name=os-1`)

    await everyQuery(send, path, id)
    done.add(`POST ${device}/authentication/auth_requests`) // each call of the device's is compared as well
    assert.deepEqual(
      operations.filter((operation) => !done.has(operation)),
      [],
      'operations that were not tried',
    )
  },
)

/** Each query parameter of each list, with each of its values or some that its type allows. */
async function everyQuery(
  send: (method: string, path: string) => Promise<Answer>,
  deployment: string,
  id: string,
): Promise<void> {
  interface Schema {
    type: string
    enum?: string[]
    maximum?: number
    items?: Schema
  }
  type Parameter = { name: string; in: string; schema: Schema }
  const document = parse(
    readFileSync(join(import.meta.dirname, '../fixtures/mender-openapi.yaml'), 'utf8'),
  ) as { paths: Record<string, Record<string, { parameters?: Parameter[] }>> }
  const valuesOf = ({ type, enum: choices, maximum }: Schema, name: string): string[] => {
    if (choices) return choices
    if (type === 'boolean') return ['true', 'false']
    if (name === 'page') return ['1', '7', '100000']
    if (name === 'per_page') return ['1', String(maximum ?? 500)]
    if (type === 'integer' || type === 'number') return ['0', '-1', '1700000000', '99999999999']
    if (name === 'sort') return ['device_type', 'device_type:desc,artifact_name:asc']
    return name === 'status' ? ['accepted'] : ['', 'os-1', "50% 'ü*&"]
  }
  for (const [path, { get }] of Object.entries(document.paths)) {
    const filled = path
      .replace('/devices/{id}', `/devices/${id}`)
      .replace(/^(.*\/deployments\/deployments)\/\{(deployment_)?id\}/, deployment)
    const queries = (get?.parameters ?? []).filter((parameter) => parameter.in === 'query')
    if (path.startsWith(device) || filled.includes('{')) continue
    for (const { name, schema } of queries) {
      for (const value of valuesOf(schema.items ?? schema, name)) {
        const repeat = schema.items ? `&${name}=other` : ''
        const answer = await send('GET', `${filled}?${name}=${encodeURIComponent(value)}${repeat}`)
        assert.equal(answer.status, 200, `${filled}?${name}=${value}: ${answer.text}`)
      }
    }
  }
}
