/** For runs, which load budgets only where they have one; the package root has them at once. */
export { checkRunBudget, createBudgets } from './create.ts';
export { memoryLedger } from './memory.ts';
