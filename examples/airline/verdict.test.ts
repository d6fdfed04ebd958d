import { expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { airline, start } from './fixture.ts';
import { verdict } from './verdict.ts';
import type { Goal } from './verdict.ts';

const fresh = () => openDatabase(start);
const cancel: Goal = { actions: [{ name: 'cancel_reservation', kwargs: { reservation_id: 'R1' } }], outputs: [] };
const say = (...outputs: string[]): Goal => ({ actions: [], outputs });

test('the same end of the database is a success, however it was reached', () => {
  const { call, ...database } = airline();
  call('get_user_details', { user_id: 'ada_1' });
  call('cancel_reservation', { reservation_id: 'R1' });
  expect(verdict(cancel, { database, texts: [] }, fresh())).toBe(1);
});

test('a change too few or too many is no success', () => {
  expect(verdict(cancel, { database: fresh(), texts: [] }, fresh())).toBe(0);
  const { call, ...database } = airline();
  call('send_certificate', { user_id: 'ada_1', amount: 5 });
  expect(verdict(say(), { database, texts: [] }, fresh())).toBe(0);
});

test('a booking that should not be there is seen', () => {
  const database = fresh();
  database.reservations.set('HATHAT', {});
  expect(verdict(say(), { database, texts: [] }, fresh())).toBe(0);
});

test('numbers compare as numbers and the order of keys does not matter', () => {
  const [left, right] = [fresh(), fresh()];
  left.reservations.set('X', { a: 5, b: 1 });
  right.reservations.set('X', { b: 1, a: Number('5.0') });
  expect(verdict(say(), { database: left, texts: [] }, right)).toBe(1);
});

test('answers and transfers among the goal actions are skipped', () => {
  const skipped = ['respond', 'transfer_to_human_agents'].map((name) => ({ name, kwargs: {} }));
  expect(verdict({ actions: skipped, outputs: [] }, { database: fresh(), texts: [] }, fresh())).toBe(1);
});

test('each due string must be said in some text, ignoring case and commas', () => {
  const conduct = { database: fresh(), texts: ['You save $23,553.', 'Thank YOU'] };
  expect(verdict(say('23553', 'thank you'), conduct, fresh())).toBe(1);
  expect(verdict(say('23553', '1000'), conduct, fresh())).toBe(0);
});
