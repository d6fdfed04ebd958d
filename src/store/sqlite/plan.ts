import type { Component, Task } from './component.ts';
import type { Planned } from './database.ts';

/** How tasks of these components are planned, before there is a database. */
export function planner(components: readonly Component[]): (task: Task) => Planned {
  const byName = new Map(components.map((component) => [component.name, component]));
  return ({ component: name, command }) => {
    const component = byName.get(name);
    if (!component) throw new Error(`No component "${name}" in this thread. This is a defect.`);
    return { ...component.plan(command), component: name };
  };
}
