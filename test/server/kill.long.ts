// The kills of kill.test.ts, many more of them.
process.env['DROVER_KILLS'] = '600'
await import('./kill.test.ts')
