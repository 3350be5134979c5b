/** Every command, in the order of the overview. */
import type { Command } from '../command-line.ts'
import { agentsList, agentsRevoke, agentsToken } from './agents.ts'
import { analyzer } from './analyzer.ts'
import { api } from './api.ts'
import { collector } from './collector.ts'
import { commandList, commandSend } from './command.ts'
import { deadlettersList, deadlettersRemove, deadlettersReplay, deadlettersShow } from './deadletters.ts'
import { demo } from './demo.ts'
import { doctor } from './doctor.ts'
import { ingest } from './ingest.ts'
import { kibanaImport } from './kibana-import.ts'
import { query } from './query.ts'
import { record } from './record.ts'
import { replay } from './replay.ts'
import { rulesCheck } from './rules-check.ts'
import { rulesCost } from './rules-cost.ts'
import { rulesExplain } from './rules-explain.ts'
import { rulesImport } from './rules-import.ts'
import { rulesLint } from './rules-lint.ts'
import { rulesList } from './rules-list.ts'
import { rulesPush } from './rules-push.ts'
import { rulesShow } from './rules-show.ts'
import { rulesTest } from './rules-test.ts'
import { setupFiles, setupPassword, setupServices } from './setup.ts'
import { tail } from './tail.ts'
import { up } from './up.ts'

export const COMMANDS: readonly Command[] = [
  up,
  demo,
  doctor,
  query,
  tail,
  rulesCheck,
  rulesList,
  rulesTest,
  rulesShow,
  rulesExplain,
  rulesLint,
  rulesCost,
  rulesImport,
  record,
  replay,
  collector,
  ingest,
  analyzer,
  api,
  rulesPush,
  agentsToken,
  agentsList,
  agentsRevoke,
  commandSend,
  commandList,
  kibanaImport,
  deadlettersList,
  deadlettersShow,
  deadlettersReplay,
  deadlettersRemove,
  setupFiles,
  setupServices,
  setupPassword,
]
