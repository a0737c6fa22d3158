import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { problem } from '../http/errors.js'
import { addSchemas, notModified, problems, ref, textBody } from '../http/schemas.js'
import { renderRepairCsv, renderRepairSql } from './render-repair.js'
import { plainRepair, readRepair, sqlSide, type RepairFilter, type RepairList } from './repair.js'
import { JobParams, RepairQuery, RepairSchema } from './schemas.js'

const sqlExample = `begin transaction read only;\n-- script migrate-patients · entity patients · missing · plain: 1 row\nwith keys_to_repair ("key 1") as (values\n  ('17'::int4)\n)\nselect src.*\nfrom "public"."dispatch_patient" src\nwhere exists (select from keys_to_repair where "key 1" = src."id");\ncommit;\n`

/** What a script has to bring again, printed for those who run it. */
export const repairRoutes: FastifyPluginAsyncTypebox<{ target: Sql }> = async (app, { target }) => {
  addSchemas(app, [RepairSchema])

  app.get('/validation/results/:id/repair', {
    schema: {
      operationId: 'listRepairs',
      tags: ['Validation'],
      summary: 'Keys of the rows to repair, by script and cause',
      description:
        'The legacy keys of the rows that the job found missing or differing, and the keys of target rows that are extra or duplicate, ready for a repetition of the script or a deletion; nothing is run. ' +
        '`complete` and `remarks` say plainly what the list cannot hold: rows beyond the differences that a job stores, keys that the plan masks, rows that were not compared. ' +
        'CSV has a line for each key (a JSON object) and one for the rows of a group without one, so that `rows` adds up. SQL is one read-only transaction for one database, with a typed `values` list for each group.',
      params: JobParams,
      querystring: RepairQuery,
      response: {
        200: {
          description: 'The list.',
          headers: { 'content-disposition': { type: 'string', description: 'with format csv or sql: attachment and a file name' } },
          content: {
            'application/json': { schema: ref(RepairSchema) },
            'text/csv': { schema: textBody('format=csv', '"script","entity","class","cause","side","rows","listing","legacy_key","target_key"\r\n"migrate-patients","patients","missing","plain","source",1,"listed","{""id"":""17""}",\r\n') },
            'application/sql': { schema: textBody('format=sql', sqlExample) },
          },
        },
        ...notModified,
        ...problems(400, 404),
      },
    },
    config: { scope: 'read' },
  }, async ({ params: { id }, query: { format, limit, ...filter } }, reply) => {
    const list = await findRepair(target, id, format === 'sql' ? { ...filter, side: sqlSide(filter) } : filter, limit)
    if (format === 'json') return reply.send(plainRepair(list))
    reply.header('content-disposition', `attachment; filename="repair-${id}.${format}"`)
    return format === 'csv' ? reply.type('text/csv; charset=utf-8').send(renderRepairCsv(list)) : reply.type('application/sql; charset=utf-8').send(renderRepairSql(list, sqlSide(filter)))
  })
}

/** @throws NOT_FOUND without such a job, VALIDATION_FAILED naming filters that name nothing in it */
async function findRepair(target: Sql, id: string, filter: RepairFilter, limit: number): Promise<RepairList> {
  const found = await readRepair(target, id, filter, limit)
  if (found === undefined) throw problem('NOT_FOUND', `there is no validation job ${id}; GET /validation/jobs lists them`)
  if ('faults' in found) throw problem('VALIDATION_FAILED', found.faults.map(({ message }) => message).join('; '), { errors: found.faults })
  return found
}
