/** What `doctor` finds on the way from a host to its centre: certificate, network, and whether the centre takes it. */
import { join } from 'node:path'
import { readCredentials } from '../../collector/central/enrolment.ts'
import { detailOf, IngestClient } from '../../collector/central/ingest-client.ts'
import { INGEST_PATHS } from '../../core/model/ingest-protocol.ts'
import type { Visibility } from '../../core/model/source.ts'
import type { Config } from '../config.ts'
import { readSecret } from '../secret-file.ts'

const ANSWER_MS = 5_000

type Blind = Visibility['blind'][number]

/** Asks with the host's key where it has one; changes nothing and uses up no token. */
export async function centreVisibility(config: Config): Promise<Visibility> {
  const { url = '', caFile, tokenFile } = config.central
  const sees: string[] = []
  const blind: Blind[] = []
  /** What the work gives; undefined where it throws, which is told. */
  const attempt = <T>(what: string, fix: string, work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      blind.push({ what, why: (error as Error).message, fix })
      return undefined
    }
  }
  const ca = attempt('central.ca_file', 'put the certificate of the authority there', () =>
    readSecret(caFile, 'central.ca_file'),
  )
  const path = join(config.dataDir, 'agent.json')
  const known = attempt('the key of this host', 'as the reason says', () => readCredentials(path))
  if (known === null) {
    const fix = 'put the output of `seamark agents token` into a file and name it in central.token_file'
    const token = attempt('enrolment', fix, () => readSecret(tokenFile, 'central.token_file'))
    if (token !== undefined) sees.push(`a token to enrol with, in ${tokenFile}`)
    else if (tokenFile === undefined) blind.push({ what: 'enrolment', why: 'this host has no key and no token', fix })
  }
  const key = known?.key
  const client = new IngestClient({
    url,
    timeoutMs: ANSWER_MS,
    ...(ca === undefined ? {} : { ca }),
    ...(key === undefined ? {} : { key }),
  })
  try {
    const answer = await client.send({ method: 'GET', path: key === undefined ? '/readyz' : INGEST_PATHS.rules })
    if (answer.status === 401) {
      const fix = `revoke this host at the centre, remove ${path}, and enrol again`
      blind.push({ what: `the centre at ${url}`, why: `it does not know this host's key: ${detailOf(answer)}`, fix })
    } else if (answer.status >= 500) {
      blind.push({ what: `the centre at ${url}`, why: detailOf(answer), fix: 'see its log' })
    } else {
      sees.push(key === undefined ? `the centre at ${url} answers` : `the centre at ${url} knows this host`)
    }
  } catch (error) {
    const why = (error as Error).message
    const isUntrusted = /certificate|self.signed|altname|unable to verify/i.test(why)
    const fix = isUntrusted
      ? 'name the authority in central.ca_file, and the centre as its certificate does in central.url'
      : 'correct central.url, or mend the network or ingest'
    blind.push({ what: `the centre at ${url}`, why, fix })
  } finally {
    client.close()
  }
  return { source: 'centre', sees, blind }
}
