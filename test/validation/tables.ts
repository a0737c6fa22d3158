/** In all texts of a case `$` stands for its own prefix. */

/** SQL that makes and fills a table of the case. */
export const table = (name: string, columns: string, rows = '') => `create table $_${name} (${columns}); ${rows === '' ? '' : `insert into $_${name} values ${rows}`}`
/** YAML: from one table of the case to another. */
export const side = (source: string, target = source) => `source: { table: $_${source} }, target: { table: $_${target} }`
