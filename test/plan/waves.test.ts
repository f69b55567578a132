import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Gate, WaveStep, Window } from '../../src/fleet/fleet.ts'
import {
  type Outcome,
  type RolloutMember,
  type WaveMember,
  gateOf,
  tooManyFailures,
  waves,
  windowAt,
  windowEnd,
} from '../../src/plan/plan.ts'

const share = (percent: number): WaveStep => ({ kind: 'share', share: percent / 100 })
const onePerType: WaveStep = { kind: 'per-device-type', count: 1 }
const members = (count: number, deviceType = 'pi', prefix = 'd'): WaveMember[] =>
  Array.from({ length: count }, (_, index) => ({ device: `${prefix}${index}`, deviceType }))
const sizes = (placed: ReadonlyMap<string, number>, count: number) =>
  Array.from(
    { length: count },
    (_, index) => [...placed.values()].filter((wave) => wave === index + 1).length,
  )

test('waves partition the devices, and 1 % of 5 devices is one device', () => {
  const steps = [share(1), share(10), share(50), share(100)]
  for (const count of [0, 1, 2, 5, 40, 1000]) {
    const placed = waves(members(count), 'r', steps)
    assert.equal(placed.size, count)
    assert.ok([...placed.values()].every((wave) => wave >= 1 && wave <= 4))
  }
  assert.equal(sizes(waves(members(5), 'r', steps), 4)[0], 1)
  const [first = 0, second = 0, third = 0] = sizes(waves(members(10_000), 'r', steps), 4)
  assert.ok(Math.abs(first - 100) < 40 && Math.abs(second - 900) < 120 && Math.abs(third - 4000) < 250)
})

test('every device type has a device in every wave while any remain', () => {
  const placed = waves([...members(30, 'pi'), ...members(3, 'bone', 'b'), ...members(1, 'x', 'x')], 'r', [
    onePerType,
    share(100),
  ])
  const first = [...placed].filter(([, wave]) => wave === 1).map(([device]) => device[0])
  assert.deepEqual(new Set(first), new Set(['b', 'd', 'x']))
})

test('a device that joins or goes moves none but the one it replaces', () => {
  const steps = [share(10), share(50), share(100)]
  const before = waves(members(500), 'r', steps)
  const after = waves([...members(500), { device: 'new', deviceType: 'pi' }], 'r', steps)
  assert.ok([...before].every(([device, wave]) => after.get(device) === wave))
  const single = waves(members(500), 'r', [onePerType, share(100)])
  const joined = waves(members(501), 'r', [onePerType, share(100)])
  assert.ok([...single].filter(([device, wave]) => joined.get(device) !== wave).length <= 1)
})

test('another release puts other devices first, the same one always the same', () => {
  const first = (release: string) =>
    [...waves(members(50), release, [onePerType, share(100)])].find(([, wave]) => wave === 1)?.[0]
  assert.equal(first('r1'), first('r1'))
  assert.ok(new Set(Array.from({ length: 20 }, (_, index) => first(`r${index}`))).size > 5)
})

const now = new Date('2026-03-02T12:00:00Z')
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
const success = (hours: number): Outcome => ({ kind: 'success', since: hoursAgo(hours) })
const failure: Outcome = { kind: 'failure', why: 'x', deployment: undefined }
const pending: Outcome = { kind: 'pending' }
const wave1 = (...outcomes: Outcome[]): RolloutMember[] =>
  outcomes.map((outcome, index) => ({ device: `d${index}`, deviceType: 'pi', wave: 1, outcome }))
const gate: Gate = {
  soakMs: 24 * 3_600_000,
  maxFailures: { kind: 'count', count: 0 },
  minSuccess: 0.9,
  maxPending: undefined,
  factsYoungerThanMs: 9 * 3_600_000,
}

test('evidence opens a gate, absence never does', () => {
  const table: [string, RolloutMember[], Partial<Gate>, RegExp | 'open'][] = [
    ['all succeeded long ago', wave1(success(30), success(25)), {}, 'open'],
    ['nobody reported', wave1(pending, pending), {}, /no device of type pi in wave 1/],
    ['nobody was ordered', wave1({ kind: 'not-ordered' }), {}, /no device of type pi in wave 1/],
    [
      'an aborted order proves nothing',
      wave1({ kind: 'aborted', deployment: 'x' }),
      {},
      /no device of type pi/,
    ],
    ['the offline hold nobody up', wave1(success(30), pending, pending, pending), {}, 'open'],
    [
      'unless they are too many',
      wave1(success(30), pending, pending),
      { maxPending: { kind: 'share', share: 0.5 } },
      /2 devices of wave 1 are pending; max-pending allows 1/,
    ],
    [
      'too few succeeded',
      wave1(success(30), failure),
      {},
      /1 of 2 devices of wave 1 that reported succeeded; min-success asks for 90%/,
    ],
    ['the soak is not over', wave1(success(30), success(2)), {}, /soaks until 2026-03-03T10:00:00\.000Z/],
    [
      'a straggler beyond the share begins no new soak',
      wave1(...Array.from({ length: 9 }, () => success(30)), success(1)),
      {},
      'open',
    ],
    [
      'another type waits alone',
      [...wave1(success(30)), { device: 'b', deviceType: 'bone', wave: 1, outcome: pending }],
      {},
      'open',
    ],
    [
      'but a failure of another type counts',
      [...wave1(success(30)), { device: 'b', deviceType: 'bone', wave: 1, outcome: failure }],
      {},
      /min-success/,
    ],
  ]
  for (const [what, group, rest, expected] of table) {
    const state = gateOf(2, 'pi', group, { ...gate, ...rest }, now)
    if (expected === 'open') assert.deepEqual(state, { isOpen: true }, what)
    else assert.match(state.isOpen ? 'open' : state.why, expected, what)
  }
  assert.deepEqual(
    gateOf(1, 'pi', wave1(failure), gate, now),
    { isOpen: true },
    'the first wave waits for no other',
  )
})

test('failures are counted against a number or a share of the whole rollout', () => {
  assert.equal(tooManyFailures(wave1(success(1), pending), gate), undefined)
  assert.match(
    tooManyFailures(wave1(failure, pending), gate) ?? '',
    /1 of 2 devices failed; max-failures allows 0/,
  )
  const share = { ...gate, maxFailures: { kind: 'share', share: 0.29 } as const }
  assert.equal(
    tooManyFailures(
      wave1(...Array.from({ length: 29 }, () => failure), ...Array.from({ length: 71 }, () => pending)),
      share,
    ),
    undefined,
  )
  assert.ok(
    tooManyFailures(
      wave1(...Array.from({ length: 30 }, () => failure), ...Array.from({ length: 70 }, () => pending)),
      share,
    ),
  )
})

test('a window is open in local time, past midnight and over a change of the clock', () => {
  const window = (rest: Partial<Window> = {}): Window => ({
    days: [2, 3, 4],
    fromMinute: 120,
    toMinute: 300,
    timeZone: 'device',
    ...rest,
  })
  const every = [0, 1, 2, 3, 4, 5, 6]
  const table: [Window, string, string, string][] = [
    [window(), 'Europe/Zurich', '2026-03-03T01:30:00Z', 'open'], // Tuesday 02:30
    [window(), 'Europe/Zurich', '2026-03-03T04:00:00Z', '2026-03-04T01:00:00.000Z'], // 05:00: closed
    [window(), 'America/New_York', '2026-03-03T01:30:00Z', '2026-03-03T07:00:00.000Z'],
    [window(), 'Europe/Zurich', '2026-03-05T12:00:00Z', '2026-03-10T01:00:00.000Z'], // Thursday: till Tuesday
    [window({ days: [1], fromMinute: 22 * 60, toMinute: 120 }), 'UTC', '2026-03-03T01:00:00Z', 'open'], // of Monday
    [
      window({ days: [1], fromMinute: 22 * 60, toMinute: 120 }),
      'UTC',
      '2026-03-02T01:00:00Z',
      '2026-03-02T22:00:00.000Z',
    ],
    // 02:00 does not exist on the day when summer time begins: the window opens at 03:00
    [window({ days: every }), 'Europe/Zurich', '2026-03-29T00:30:00Z', '2026-03-29T01:00:00.000Z'],
    [
      window({ days: every, fromMinute: 187 }),
      'Europe/Zurich',
      '2026-03-28T12:00:00Z',
      '2026-03-29T01:07:00.000Z',
    ],
  ]
  for (const [one, zone, at, expected] of table) {
    const state = windowAt(one, zone, new Date(at))
    assert.equal(state.isOpen ? 'open' : state.opensAt.toISOString(), expected, `${zone} ${at}`)
  }
  const ends: [Window, string, string, string | undefined][] = [
    [window(), 'Europe/Zurich', '2026-03-03T01:30:00Z', '2026-03-03T04:00:00.000Z'],
    [window(), 'Europe/Zurich', '2026-03-03T04:00:00Z', undefined], // it is closed
    [
      window({ days: [1], fromMinute: 22 * 60, toMinute: 120 }),
      'UTC',
      '2026-03-03T01:00:00Z',
      '2026-03-03T02:00:00.000Z',
    ],
    [window({ days: every, fromMinute: 120, toMinute: 120 }), 'UTC', '2026-03-03T01:00:00Z', undefined], // never closes
    [
      window({ days: [1, 2], fromMinute: 60, toMinute: 60 }),
      'UTC',
      '2026-03-02T01:00:00Z',
      '2026-03-04T01:00:00.000Z',
    ],
    [
      window({ days: every, fromMinute: 120, toMinute: 110 }),
      'UTC',
      '2026-03-03T02:00:00Z',
      '2026-03-04T01:50:00.000Z',
    ],
    // the night of summer time is an hour shorter
    [
      window({ days: every, fromMinute: 0 }),
      'Europe/Zurich',
      '2026-03-28T23:00:00Z',
      '2026-03-29T03:00:00.000Z',
    ],
  ]
  for (const [one, zone, at, expected] of ends)
    assert.equal(windowEnd(one, zone, new Date(at))?.toISOString(), expected, `${zone} ${at}`)
})
