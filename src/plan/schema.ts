import { Type, type Static, type TSchema } from '@sinclair/typebox'

/** The whole plan language. Every object is strict: an unknown key is a fault. */

const strict = { additionalProperties: false }

const name = (description: string) => Type.String({ minLength: 1, description })
const sqlText = (description: string) => Type.String({ minLength: 1, description })
const reason = Type.String({ minLength: 1, description: 'Free text, required and unique in its list.' })
const oneOf = <T extends string>(values: readonly T[], description: string) =>
  Type.Union(values.map((value) => Type.Literal(value)), { description }) as unknown as TSchema & { static: T }

/** Text that stays as written in the file; in the file it may look like a number or a boolean. */
const writtenText = (description: string) =>
  Type.Unsafe<string>(Type.Union([Type.String(), Type.Number(), Type.Boolean()], { description }))
const writtenTextOrNull = (description: string) =>
  Type.Unsafe<string | null>(Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], { description }))

const TableName = (description: string) =>
  Type.Unsafe<string | [string, string]>(
    Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 2, maxItems: 2 })], {
      description: `${description} Exact name; without a schema it is in \`public\`; a dot parts schema and table, \`["a.b", "t"]\` otherwise.`,
    }),
  )

const Values = Type.Record(Type.String(), writtenTextOrNull('The value of the target; `null` is SQL NULL.'), {
  description: 'Code → value, codes as written, cast to the type of the column. `null:` is what a NULL becomes, `other:` a default.',
})

const References = Type.Unsafe<string | { by: string; [code: string]: string }>(
  Type.Union([
    Type.String({ minLength: 1 }),
    Type.Object({ by: name('Source column that holds the code.') }, { additionalProperties: Type.String({ minLength: 1 }) }),
  ], { description: 'Key map: the target must be the counterpart of the key of the source. `{ by: column, code: map }` chooses the map per row.' }),
)

const term = {
  from: Type.Optional(name('The source column, exact name.')),
  sql: Type.Optional(sqlText('SQL over `src`, in place of `from`.')),
  target: Type.Optional(sqlText('SQL over `tgt` to compare instead of the column of that name.')),
  references: Type.Optional(References),
  values: Type.Optional(Values),
  zone: Type.Optional(name('Time zone in which a zone-less source time is meant, for example `America/New_York`.')),
  pii: Type.Optional(Type.Boolean({ description: 'Masked wherever it is shown.' })),
}

const Accept = Type.Object({
  reason,
  where: Type.Optional(sqlText('SQL over `src`: for which rows.')),
  value: sqlText('SQL over `src`: the value that the target may hold instead.'),
}, { ...strict, description: 'A value that is accepted instead of the equal one.' })

const ColumnObject = Type.Object({
  ...term,
  as: Type.Optional(Type.Literal('json', { description: 'Parse text as JSON and compare as jsonb.' })),
  tolerance: Type.Optional(writtenText('Allowed absolute distance: a number, or an interval for times.')),
  accept: Type.Optional(Type.Array(Accept, { description: 'Values the target may hold instead, each with its reason.' })),
}, { ...strict, description: 'What a target column must equal.' })

const KeyLegObject = Type.Object(term, { ...strict, description: 'What a column of the key must equal.' })

const Column = Type.Union([Type.String({ minLength: 1 }), ColumnObject], { description: 'A source column, or what the target column must equal.' })
const KeyLeg = Type.Union([Type.String({ minLength: 1 }), KeyLegObject], { description: 'A source column, or what the column of the key must equal.' })

const SourceReason = Type.Object({ reason, where: sqlText('SQL over `src`; "is true" decides.') }, { ...strict, description: 'A reason and its rows.' })
const TargetReason = Type.Object({ reason, where: sqlText('SQL over `tgt`; "is true" decides.') }, { ...strict, description: 'A reason and its rows.' })

const EntitySource = Type.Object({
  table: Type.Optional(TableName('The table whose rows should arrive.')),
  query: Type.Optional(sqlText('A select whose rows should arrive, in place of `table`.')),
  covers: Type.Optional(TableName('The base table of `query`, for the accounting of tables.')),
  join: Type.Optional(sqlText('SQL after `from table src`, for lookups; may not multiply rows.')),
  where: Type.Optional(sqlText('SQL over `src`: the share of the table that this entity claims.')),
  exclude: Type.Optional(Type.Array(SourceReason, { description: 'Claimed but unwanted rows, each set with its reason.' })),
  merge: Type.Optional(Type.Object({
    by: sqlText('SQL over `src`: rows of equal value become one; NULL stands alone.'),
    keep: sqlText('An `order by` list over `src`: the first row survives.'),
  }, { ...strict, description: 'Rows that become one row.' })),
  changedAt: Type.Optional(name('Source column that tells when the row was last changed.')),
  lag: Type.Optional(name('How long a change may take to arrive, for example `2 minutes`.')),
}, { ...strict, description: 'The rows that should arrive.' })

const EntityTarget = Type.Object({
  table: TableName('The table where they should arrive.'),
  join: Type.Optional(sqlText('SQL after `from table tgt`, for lookups; may not multiply rows.')),
  where: Type.Optional(sqlText('SQL over `tgt`: the rows that this entity claims.')),
  generated: Type.Optional(Type.Array(TargetReason, { description: 'Target rows without a source, each set with its reason.' })),
  changedAt: Type.Optional(name('Target column that tells when the row was last changed.')),
}, { ...strict, description: 'Where the rows should arrive.' })

const ignoreColumns = (side: string) => Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1 }), { description: `Columns of the ${side} on purpose not compared, each with its reason.` }))

const Entity = Type.Object({
  domain: name('The domain it is counted in.'),
  script: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], { description: 'The script that fills it, or a list.' })),
  source: EntitySource,
  target: EntityTarget,
  shared: Type.Optional(Type.Boolean({ description: 'Its rows may be claimed by other entities too; must stand in each.' })),
  key: Type.Union([Type.Literal('all'), Type.Record(Type.String(), KeyLeg)], { description: 'Target column → what it must equal; `all`: every mapped column.' }),
  same: Type.Optional(Type.Union([Type.Literal('all'), Type.Array(Type.String({ minLength: 1 }))], { description: 'Columns of equal name and meaning: a list, or `all`.' })),
  columns: Type.Optional(Type.Record(Type.String(), Column, { description: 'Target column → what it must equal.' })),
  ignore: Type.Optional(Type.Object({ source: ignoreColumns('source'), target: ignoreColumns('target') }, { ...strict, description: 'Columns on purpose not compared.' })),
  explained: Type.Optional(Type.Array(Type.Object({
    reason,
    where: Type.Optional(sqlText('SQL over `src`; "is true" decides.')),
    parent: Type.Optional(name('Source column: holds when the row it references is absent, excluded or explained.')),
  }, { ...strict, description: 'Why a row may be absent.' }), { description: 'Why rows may be absent, each set with its reason.' })),
  totals: Type.Optional(Type.Array(Type.Object({
    sum: Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], { description: 'Mapped column whose sum must agree, or a list.' }),
    by: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Mapped columns that form the groups.' })),
  }, { ...strict, description: 'An exact sum per group.' }), { description: 'Exact sums of mapped columns per group.' })),
}, { ...strict, description: 'One flow of rows, from one source relation to one target relation under a key.' })

const natural = Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], { description: 'Natural key: a column, SQL, or a list.' })
const naturalSide = (side: string) => Type.Object({
  table: Type.Optional(TableName(`The table of the ${side}.`)),
  query: Type.Optional(sqlText('A select that returns `key` and `natural`, in place of `table`.')),
  key: Type.Optional(name('The key column.')),
  natural: Type.Optional(natural),
}, { ...strict, description: `The ${side} of a natural map.` })

const KeyMap = Type.Object({
  table: Type.Optional(TableName('Stored map: the table in the target that holds it.')),
  legacy: Type.Optional(name('Stored map: the column of the legacy key.')),
  modern: Type.Optional(name('Stored map: the column of the modern key.')),
  where: Type.Optional(sqlText('SQL over the rows of the map (`tgt`), run on the target.')),
  source: Type.Optional(naturalSide('source')),
  target: Type.Optional(naturalSide('target')),
  entity: Type.Optional(name('The parent entity, when several are keyed by the map.')),
}, { ...strict, description: 'Legacy key → modern key.' })

const atMost = (what: string) => Type.Optional(Type.Integer({ minimum: 0, description: `At most so many ${what}.` }))
const rowLimits = {
  minVerifiedPercent: Type.Optional(Type.Number({ minimum: 0, maximum: 100, description: 'Least share of the source rows in scope that are verified or merged, 0 to 100; judged on the exact counts.' })),
  maxMissing: atMost('missing source rows'),
  maxDiffers: atMost('source rows that differ'),
  maxDuplicate: atMost('duplicate target rows'),
  maxExtra: atMost('extra target rows'),
  maxPending: atMost('pending rows on either side; they then make no other limit unknown'),
  maxUnverified: atMost('unverified rows on either side; they then make no other limit unknown'),
}

const ignoreTables = (side: string) => Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1 }), { description: `Tables of the ${side} that nobody migrates, each with its reason.` }))

export const PlanSchema = Type.Object({
  version: Type.Literal(1, { description: 'Version of the plan language.' }),
  domains: Type.Record(Type.String(), Type.Object({
    description: Type.Optional(Type.String({ description: 'What the domain is about.' })),
    priority: Type.Optional(oneOf(['critical', 'high', 'normal', 'low'] as const, 'Weight in the risk assessment; `normal` when not given.')),
  }, { ...strict, description: 'A business area.' }), { description: 'The business areas, by name.' }),
  ignore: Type.Optional(Type.Object({ source: ignoreTables('source'), target: ignoreTables('target') }, { ...strict, description: 'Whole tables that nobody migrates.' })),
  keyMaps: Type.Optional(Type.Record(Type.String(), KeyMap, { description: 'The key maps, by name.' })),
  entities: Type.Record(Type.String(), Entity, { description: 'The flows of rows, by name.' }),
  scripts: Type.Optional(Type.Record(Type.String(), Type.Object({
    file: Type.Optional(name('Path of the script, for its checksum.')),
    category: Type.Optional(name('Free word to group scripts by.')),
    dependsOn: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Scripts that must have run before.' })),
  }, { ...strict, description: 'What is known of a script beside its name.' }), { description: 'The scripts, by name.' })),
  gates: Type.Optional(Type.Object({
    ...rowLimits,
    maxUncoveredTables: atMost('tables of both sides that are in no entity and not ignored'),
    maxUncoveredColumns: atMost('columns of both sides that are neither compared, read nor ignored'),
    maxUncoveredRows: atMost('rows of the tables of both sides that no entity claims'),
    domains: Type.Optional(Type.Record(Type.String(), Type.Object(rowLimits, { ...strict, description: 'The limits of one domain.' }), { description: 'Limits of the rows of one domain, by its name.' })),
  }, { ...strict, description: 'The limits that `migration-coverage gate` holds the figures against.' })),
  rules: Type.Optional(Type.Array(Type.Object({
    name: name('Name of the rule.'),
    severity: oneOf(['critical', 'warning', 'info'] as const, 'How much it matters.'),
    source: sqlText('A select on the source.'),
    target: sqlText('A select on the target.'),
    expect: Type.Literal('equal', { description: 'What the two answers must be.' }),
  }, { ...strict, description: 'A question asked on both sides.' }), { description: 'Questions asked on both sides.' })),
}, { ...strict, description: 'What should arrive where: the plan of a migration.' })

export type Plan = Static<typeof PlanSchema>
export type PlanEntity = Plan['entities'][string]
export type PlanKeyMap = NonNullable<Plan['keyMaps']>[string]
/** A column of `columns` or `key` in its long form. */
export type PlanTerm = Static<typeof ColumnObject>
