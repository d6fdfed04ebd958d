import { describe, expect, test } from 'vitest';
import { airline, start } from './fixture.ts';
import { callTool, isAirlineTool } from './tools.ts';
import { openDatabase } from './database.ts';

const parsed = (text: string): unknown => JSON.parse(text);
const ada = () => start.users.get('ada_1');

describe('reading', () => {
  test('a user and a reservation are printed as JSON in their own key order', () => {
    const { call } = airline();
    expect(call('get_user_details', { user_id: 'ada_1' })).toBe(JSON.stringify(ada()));
    expect(call('get_reservation_details', { reservation_id: 'R1' })).toBe(
      JSON.stringify(start.reservations.get('R1')),
    );
  });

  test.each(['nobody', 'constructor', '__proto__', 7, null])('there is no user and no reservation %j', (id) => {
    const { call } = airline();
    expect(call('get_user_details', { user_id: id })).toBe('Error: user not found');
    expect(call('get_reservation_details', { reservation_id: id })).toBe('Error: user not found');
  });

  test('thinking says nothing, a transfer succeeds, the airports are twenty', () => {
    const { call } = airline();
    expect(call('think', { thought: 'hm' })).toBe('');
    expect(call('transfer_to_human_agents', { summary: 'x' })).toBe('Transfer successful');
    expect(Object.keys(Object(parsed(call('list_all_airports', {}))))).toHaveLength(20);
  });

  test('calculate refuses other characters with a sentence of its own', () => {
    expect(airline().call('calculate', { expression: '2 + 2' })).toBe('4.0');
    expect(airline().call('calculate', { expression: 'x' })).toBe('Error: invalid characters in expression');
  });
});

describe('searching', () => {
  test('direct flights are those of the pair that are available that day, with the day in place of all dates', () => {
    const found = airline().call('search_direct_flight', { origin: 'AAA', destination: 'BBB', date: '2024-05-09' });
    expect(parsed(found)).toEqual([
      expect.objectContaining({ flight_number: 'F1', status: 'available', prices: { economy: 100, business: 400 } }),
      expect.objectContaining({ flight_number: 'F2' }),
    ]);
    expect(found).not.toContain('dates');
    expect(airline().call('search_direct_flight', { origin: 'AAA', destination: 'BBB', date: '2024-06-01' })).toBe(
      '[]',
    );
  });

  test('a second leg leaves after the first arrives, compared as strings, and both carry their date', () => {
    const found = airline().call('search_onestop_flight', { origin: 'AAA', destination: 'CCC', date: '2024-05-10' });
    expect(parsed(found)).toEqual([
      [
        expect.objectContaining({ flight_number: 'F1', date: '2024-05-10' }),
        expect.objectContaining({ flight_number: 'F4', date: '2024-05-10' }),
      ],
    ]);
  });

  test('after an arrival on the next day, the second leg has the next date but the fields of the first day', () => {
    const found = airline().call('search_onestop_flight', { origin: 'AAA', destination: 'CCC', date: '2024-05-09' });
    const pairs: unknown = parsed(found);
    // F2 arrives on the next day at 01:00; the date of the second leg is built without a leading zero.
    expect(pairs).toContainEqual([
      expect.objectContaining({ flight_number: 'F2', date: '2024-05-09' }),
      expect.objectContaining({ flight_number: 'F3', date: '2024-05-10', prices: { economy: 30, business: 120 } }),
    ]);
    expect(pairs).toHaveLength(3);
  });

  test('a next day below ten has no leading zero and is found nowhere', () => {
    const offered = { status: 'available' };
    const early = (id: string) => ({
      ...start.flights.get(id),
      dates: { '2024-05-08': offered, '2024-05-09': offered },
    });
    const flights = new Map([
      ['F2', early('F2')],
      ['F3', early('F3')],
    ]);
    const args = { origin: 'AAA', destination: 'CCC', date: '2024-05-08' };
    const result = callTool(openDatabase({ ...start, flights }), 'search_onestop_flight', JSON.stringify(args));
    expect(result).toEqual({ output: '[]', raised: false });
  });

  test('where the second leg does not fly on the first day, the call fails with the missing key', () => {
    const dates = { '2024-05-10': { status: 'available' } };
    const late = { ...start.flights.get('F3'), dates };
    const flights = new Map([...start.flights, ['F3', late]]);
    const database = openDatabase({ ...start, flights });
    const args = { origin: 'AAA', destination: 'CCC', date: '2024-05-09' };
    const result = callTool(database, 'search_onestop_flight', JSON.stringify(args));
    expect(result).toEqual({ output: "Error: '2024-05-09'", raised: true });
  });
});

describe('calls that Python refuses', () => {
  test.each([
    ['think', '{}', "Error: Think.invoke() missing 1 required positional argument: 'thought'"],
    [
      'search_direct_flight',
      '{"date":"2024-05-09"}',
      "Error: SearchDirectFlight.invoke() missing 2 required positional arguments: 'origin' and 'destination'",
    ],
    [
      'search_direct_flight',
      '{}',
      "Error: SearchDirectFlight.invoke() missing 3 required positional arguments: 'origin', 'destination', and 'date'",
    ],
    ['list_all_airports', '{"a":1}', "Error: ListAllAirports.invoke() got an unexpected keyword argument 'a'"],
  ])('%s with %s', (name, text, output) => {
    expect(callTool(openDatabase(start), name, text)).toEqual({ output, raised: true });
  });

  test('a missing key inside of an argument fails with the key', () => {
    const args = { reservation_id: 'R1', cabin: 'economy', flights: [{ date: '2024-05-09' }], payment_id: 'card_1' };
    expect(airline().call('update_reservation_flights', args)).toBe("Error: 'flight_number'");
  });

  test('what is no tool is no tool', () => {
    expect([isAirlineTool('think'), isAirlineTool('toString')]).toEqual([true, false]);
  });
});
