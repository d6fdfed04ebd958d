/** For providers, which load sockets only where they are asked for; the package root has them at once. */
export { OpenAIResponsesWSModel } from './model.ts';
