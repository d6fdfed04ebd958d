/** The airline's 14 tools as plain functions over a database: `callTool` is the one way to call them. */
import { bookReservation, cancelReservation, sendCertificate } from './bookings.ts';
import { updateBaggages, updateFlights, updatePassengers } from './bookings.ts';
import type { Answer } from './bookings.ts';
import { calculate } from './calculator.ts';
import type { Database } from './database.ts';
import { listAllAirports, searchDirectFlight, searchOnestopFlight } from './flights.ts';
import { item, parseArguments, PythonFailure, textItem } from './python.ts';
import type { Arguments } from './python.ts';

type Tool = { readonly takes: readonly string[]; readonly answer: (database: Database, args: Arguments) => Answer };

const TOOLS: Readonly<Record<string, Tool>> = {
  get_user_details: {
    takes: ['user_id'],
    answer: (database, { values }) => {
      const user = database.users.get(item(values, 'user_id'));
      return user === undefined ? 'Error: user not found' : { json: user };
    },
  },
  get_reservation_details: {
    takes: ['reservation_id'],
    answer: (database, { values }) => {
      const reservation = database.reservations.get(item(values, 'reservation_id'));
      // The wording is that of the recorded tool.
      return reservation === undefined ? 'Error: user not found' : { json: reservation };
    },
  },
  list_all_airports: { takes: [], answer: () => ({ json: listAllAirports() }) },
  search_direct_flight: {
    takes: ['origin', 'destination', 'date'],
    answer: (database, { values }) => ({ json: searchDirectFlight(database, values) }),
  },
  search_onestop_flight: {
    takes: ['origin', 'destination', 'date'],
    answer: (database, { values }) => ({ json: searchOnestopFlight(database, values) }),
  },
  calculate: { takes: ['expression'], answer: (_, { values }) => calculate(textItem(values, 'expression')) },
  think: { takes: ['thought'], answer: () => '' },
  transfer_to_human_agents: { takes: ['summary'], answer: () => 'Transfer successful' },
  send_certificate: { takes: ['user_id', 'amount'], answer: sendCertificate },
  cancel_reservation: { takes: ['reservation_id'], answer: cancelReservation },
  update_reservation_passengers: { takes: ['reservation_id', 'passengers'], answer: updatePassengers },
  update_reservation_baggages: {
    takes: ['reservation_id', 'total_baggages', 'nonfree_baggages', 'payment_id'],
    answer: updateBaggages,
  },
  update_reservation_flights: {
    takes: ['reservation_id', 'cabin', 'flights', 'payment_id'],
    answer: updateFlights,
  },
  book_reservation: {
    takes: [
      'user_id',
      'origin',
      'destination',
      'flight_type',
      'cabin',
      'flights',
      'passengers',
      'payment_methods',
      'total_baggages',
      'nonfree_baggages',
      'insurance',
    ],
    answer: bookReservation,
  },
};

/** What a call answered. `raised` says that Python would have raised: the message is then only near to Python's. */
export type ToolResult = { readonly output: string; readonly raised: boolean };

/** Whether the airline has a tool of this name. */
export const isAirlineTool = (name: string): boolean => Object.hasOwn(TOOLS, name);

/** Calls tool `name` with the JSON text of its arguments. Never throws for what a model can do wrong. */
export function callTool(database: Database, name: string, argumentsText: string): ToolResult {
  try {
    const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
    if (tool === undefined) throw new PythonFailure(`unknown tool ${name}`);
    const args = parseArguments(argumentsText);
    checkSignature(name, tool, args);
    const answer = tool.answer(database, args);
    return { output: typeof answer === 'string' ? answer : JSON.stringify(answer.json), raised: false };
  } catch (error) {
    if (!(error instanceof PythonFailure)) throw error;
    return { output: `Error: ${error.message}`, raised: true };
  }
}

function checkSignature(name: string, tool: Tool, { values }: Arguments): void {
  const invoke = `${name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}.invoke()`;
  const unexpected = Object.keys(values).find((key) => !tool.takes.includes(key));
  if (unexpected !== undefined) {
    throw new PythonFailure(`${invoke} got an unexpected keyword argument '${unexpected}'`);
  }
  const missing = tool.takes.filter((key) => !Object.hasOwn(values, key)).map((key) => `'${key}'`);
  if (missing.length === 0) return;
  const list = missing.length < 3 ? missing.join(' and ') : `${missing.slice(0, -1).join(', ')}, and ${missing.at(-1)}`;
  throw new PythonFailure(
    `${invoke} missing ${missing.length} required positional argument${missing.length > 1 ? 's' : ''}: ${list}`,
  );
}
