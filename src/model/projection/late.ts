/** For those who load the projection only when a conversation moves; the package root has it at once. */
export { project } from './project.ts';
