import { describe } from 'vitest';
import { processCases } from './turn-cases.fixture.ts';

describe('SQLite', () => processCases('sqlite', ''));
