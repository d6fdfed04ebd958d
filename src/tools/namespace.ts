/** Tools grouped under a name that they share (OpenAI Responses only). */
import { UserError } from '../protocol/errors.ts';
import { shown } from './options.ts';
import type { FunctionTool } from './types.ts';

export type ToolNamespace = { readonly name: string; readonly description: string };
export type ToolNamespaceOptions<TTools extends readonly FunctionTool<never>[] = readonly FunctionTool<never>[]> = {
  /** Shown to the model. */
  name: string;
  /** Shared by all tools of the namespace. */
  description: string;
  tools: TTools;
};

// Enumerable, so that a copy made with `{ ...tool }` stays in its namespace.
const NAMESPACE: unique symbol = Symbol('tool namespace');

/**
 * Puts function tools into a namespace. Returns copies; the tools given stay as they are.
 * @throws UserError for a blank name or description, for other kinds of tools, and for a tool named as its namespace
 */
export function toolNamespace<TTools extends readonly FunctionTool<never>[]>(
  options: ToolNamespaceOptions<TTools>,
): TTools {
  const { name, description, tools } = options;
  if (typeof name !== 'string' || name.trim() === '') {
    throw new UserError(`toolNamespace() was given name: ${shown(name)}. Give one that is not blank.`);
  }
  if (typeof description !== 'string' || description.trim() === '') {
    throw new UserError(
      `The namespace "${name}" was given description: ${shown(description)}. The Responses API takes none without: ` +
        'say what its tools are for.',
    );
  }
  const namespace: ToolNamespace = { name: name.trim(), description: description.trim() };
  const members = tools.map((tool) => {
    if (tool?.type !== 'function') {
      throw new UserError(
        `The namespace "${name}" was given something of type ${shown(tool?.type)}. Only function tools go into one.`,
      );
    }
    if (tool.name === namespace.name) {
      throw new UserError(
        `The namespace "${namespace.name}" has a tool of its own name, so that a call of it could mean either. ` +
          'Rename one.',
      );
    }
    return { ...tool, [NAMESPACE]: namespace };
  });
  // Copies of the same tools in the same order.
  return members as readonly FunctionTool<never>[] as TTools;
}

/** The namespace that a tool is in. */
export function namespaceOf(tool: object): ToolNamespace | undefined {
  return (tool as { [NAMESPACE]?: ToolNamespace })[NAMESPACE];
}

/** The name that tells a tool from those of other namespaces: `crm.lookup`, or `lookup` outside of any. */
export function qualifiedName(tool: Pick<FunctionTool<never>, 'name'>): string {
  const namespace = namespaceOf(tool);
  return namespace ? `${namespace.name}.${tool.name}` : tool.name;
}
