import { afterAll, beforeAll, test } from 'vitest'
import { createDemoPair, databaseEnvironment, startService, type Environment, type Service } from '../helpers/service.js'
import { postJob, readJob, readTasks, waitForEnd, waitForProgress } from './jobs.js'
import type { DemoDatabases } from '../../src/demo/databases.js'
let databases: DemoDatabases, environment: Environment, api: Service
beforeAll(async () => {
  databases = await createDemoPair()
  environment = { ...databaseEnvironment(databases), SCAN_CHUNK_PAGES: '16', RECHECK_DELAY_MS: '300' }
  api = await startService({ ...environment, ROLE: 'api' })
})
afterAll(async () => { await api.kill(); await databases.drop() })
test('x', async () => {
  let jobId = ''
  for (let i = 0; i < 12; i++) {
    const w = await startService({ ...environment, ROLE: 'worker', LOG_LEVEL: 'debug' })
    if (jobId === '' || (await readJob(api, jobId)).status === 'completed') jobId = await postJob(api)
    const p = (await readJob(api, jobId)).progress
    await waitForProgress(api, jobId, Math.min(p.tasksDone + 8, 80))
    const t = Date.now()
    const exit = await w.stop()
    const left = (await readTasks(databases.target, jobId)).filter((x) => x.status === 'running')
    console.log(i, p.tasksDone, JSON.stringify(exit), Date.now() - t, JSON.stringify(left))
    if (left.length) console.log(w.output().slice(-4000))
    await (async () => { const w2 = await startService({ ...environment, ROLE: 'worker' }); await waitForEnd(api, jobId); await w2.kill() })()
  }
}, 200_000)
