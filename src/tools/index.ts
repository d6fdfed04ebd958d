export { approvalInput } from './approval.ts';
export type { ApprovalInput } from './approval.ts';
export { RunContext } from './context.ts';
export type { ApprovalItem, Decision } from './context.ts';
export {
  defineToolInputGuardrail,
  defineToolOutputGuardrail,
  resolveToolInputGuardrails,
  resolveToolOutputGuardrails,
  runToolInputGuardrails,
  runToolOutputGuardrails,
  ToolGuardrailFunctionOutputFactory,
  ToolInputGuardrailTripwireTriggered,
  ToolOutputGuardrailTripwireTriggered,
} from './guardrails.ts';
export type {
  ToolGuardrailBehavior,
  ToolGuardrailFunctionOutput,
  ToolGuardrailMetadata,
  ToolInputGuardrailData,
  ToolInputGuardrailDefinition,
  ToolInputGuardrailFunction,
  ToolInputGuardrailInit,
  ToolInputGuardrailResult,
  ToolOutputGuardrailData,
  ToolOutputGuardrailDefinition,
  ToolOutputGuardrailFunction,
  ToolOutputGuardrailInit,
  ToolOutputGuardrailResult,
} from './guardrails.ts';
export {
  invokeFunctionTool,
  invokePrepared,
  MALFORMED_ARGUMENTS_TEXT,
  prepareArguments,
  TOOL_ERROR_TEXT,
} from './invoke.ts';
export type { PreparedArguments } from './invoke.ts';
export { namespaceOf, qualifiedName, toolNamespace } from './namespace.ts';
export type { ToolNamespace, ToolNamespaceOptions } from './namespace.ts';
export { effectOf } from './recovery.ts';
export type {
  ToolEffect,
  ToolOnUncertain,
  ToolReconcileArgs,
  ToolReconciled,
  ToolReconcileFunction,
} from './recovery.ts';
export { toFunctionToolName } from './options.ts';
export type { ToolOptions, ToolOptionsWithGuardrails } from './options.ts';
export { functionCallResult, toolOutput, toSmartString } from './output.ts';
export { approvalOf, enabledOf, serializeFunctionTool, tool } from './tool.ts';
export type {
  Callback,
  FunctionTool,
  FunctionToolCustomDataContext,
  FunctionToolCustomDataExtractor,
  FunctionToolTimeoutBehavior,
  HostedTool,
  ToolAgent,
  ToolAllowedCallers,
  ToolApprovalFunction,
  ToolCallDetails,
  ToolEnabledFunction,
  ToolErrorFunction,
  ToolExecuteArgument,
  ToolExecuteFunction,
  ToolInputParameters,
  ToolOutputCustomData,
  ToolOutputSchema,
  ToolResult,
  ToolTimeoutErrorFunction,
} from './types.ts';
