import { describe } from 'vitest';
import { processCases } from './turn-cases.fixture.ts';

const postgres = process.env['BATON_POSTGRES_URL'] ?? '';
const redis = process.env['BATON_REDIS_URL'] ?? '';

describe.skipIf(postgres === '')('PostgreSQL', () => processCases('postgres', postgres));
describe.skipIf(redis === '')('Redis', () => processCases('redis', redis));
