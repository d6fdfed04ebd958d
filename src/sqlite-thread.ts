/**
 * The writer thread with all that may be in a file. It stands above the rooms whose tables it knows; the store below
 * starts it by its address.
 */
import { logTables } from './log/sqlite/tables.ts';
import { budgetTables } from './model/budgets/sqlite/tables.ts';
import { sessionTables } from './session/sqlite/tables.ts';
import { serve } from './store/sqlite/serve.ts';
import { metricTables } from './trace/metrics/store/tables.ts';
import { traceTables } from './trace/store/tables.ts';

serve([logTables, sessionTables, budgetTables, traceTables, metricTables]);
