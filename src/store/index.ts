export type { Failure, StoreWrite } from './write.ts';
