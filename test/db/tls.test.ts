import { execFile } from 'node:child_process'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTarget, type DatabaseOptions } from '../../src/db/clients.js'
import { serverAccount, startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/demo/embedded.js'

const run = promisify(execFile)
let folder: string
let server: EmbeddedPostgres
const pem = { ca: '', otherCa: '', cert: '', privateKey: '' }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tls-'))
  const openssl = (...options: string[]) => run('openssl', options, { cwd: folder })
  for (const name of ['ca', 'other']) await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`)
  for (const [name, subject, names] of [['server', 'localhost', 'DNS:localhost'], ['client', 'mcov', 'DNS:client']] as const) {
    await writeFile(join(folder, `${name}.ext`), `subjectAltName=${names}\n`)
    await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${subject}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    await openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`)
  }
  await writeFile(join(folder, 'hba'), 'hostssl guarded all 127.0.0.1/32 scram-sha-256 clientcert=verify-full\nhostnossl guarded all all reject\nhost all all 127.0.0.1/32 scram-sha-256\n')
  const { uid, gid } = await serverAccount()
  for (const name of ['', 'server.key', 'server.pem', 'ca.pem', 'hba']) if (uid !== undefined && gid !== undefined) await chown(join(folder, name), uid, gid)
  server = await startEmbeddedPostgres({
    settings: { ssl: 'on', ssl_cert_file: join(folder, 'server.pem'), ssl_key_file: join(folder, 'server.key'), ssl_ca_file: join(folder, 'ca.pem'), hba_file: join(folder, 'hba') },
  })
  await server.createDatabase('guarded')
  const read = (name: string) => readFile(join(folder, name), 'utf8')
  Object.assign(pem, { ca: await read('ca.pem'), otherCa: await read('other.pem'), cert: await read('client.pem'), privateKey: await read('client.key') })
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** `TLSv1.3`, or the code of the error. */
async function outcome(options: Partial<DatabaseOptions>): Promise<string> {
  const sql = openTarget({ host: 'localhost', port: server.port, user: server.user, password: server.password, database: 'postgres', ssl: 'verify-full', maxConnections: 1, ...options })
  try {
    const [row] = await sql<{ version: string | null }[]>`select version from pg_stat_ssl where pid = pg_backend_pid()`
    return row?.version ?? 'unencrypted'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  } finally {
    await sql.end()
  }
}

describe('TLS to the database', () => {
  test('verify-full takes the certificate of the authority that is trusted, for the name that it bears', async () => {
    expect(await outcome({ certificates: { ca: pem.ca } })).toMatch(/^TLSv1/)
  })

  test('verify-full refuses another authority, an unknown one, and another name', async () => {
    expect(await outcome({ certificates: { ca: pem.otherCa } })).toMatch(/SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/)
    expect(await outcome({})).toMatch(/SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/)
    expect(await outcome({ host: '127.0.0.1', certificates: { ca: pem.ca } })).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('require encrypts and verifies nothing; disable does not encrypt', async () => {
    expect(await outcome({ ssl: 'require', host: '127.0.0.1' })).toMatch(/^TLSv1/)
    expect(await outcome({ ssl: 'disable' })).toBe('unencrypted')
  })

  test('a client certificate is shown where the server asks for one', async () => {
    const { ca, cert, privateKey } = pem
    expect(await outcome({ database: 'guarded', certificates: { ca, cert, privateKey } })).toMatch(/^TLSv1/)
    expect(await outcome({ database: 'guarded', certificates: { ca } })).toBe('28000')
    expect(await outcome({ database: 'guarded', ssl: 'disable' })).toBe('28000')
  })
})
