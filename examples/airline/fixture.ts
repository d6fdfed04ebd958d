/** A small made-up airline for the tests. */
import type { Conversation, Message, ToolSpec } from './data.ts';
import { openDatabase } from './database.ts';
import type { Database, Start } from './database.ts';
import type { JsonObject } from './json.ts';
import { callTool } from './tools.ts';

const offer = (price: number, seats = 5): JsonObject => ({
  status: 'available',
  available_seats: { economy: seats, business: 1 },
  prices: { economy: price, business: price * 4 },
});

type Route = { number: string; from: string; to: string; departs: string; arrives: string; dates: JsonObject };

const flight = ({ number, from, to, departs, arrives, dates }: Route): [string, JsonObject] => [
  number,
  {
    flight_number: number,
    origin: from,
    destination: to,
    scheduled_departure_time_est: departs,
    scheduled_arrival_time_est: arrives,
    dates,
  },
];

const both = (price: number): JsonObject => ({ '2024-05-09': offer(price), '2024-05-10': offer(price + 1) });

export const start: Start = {
  users: new Map([
    [
      'ada_1',
      {
        name: { first_name: 'Ada', last_name: 'Byron' },
        payment_methods: {
          card_1: { source: 'credit_card', id: 'card_1' },
          gift_1: { source: 'gift_card', amount: 120, id: 'gift_1' },
          certificate_1: { source: 'certificate', amount: 80, id: 'certificate_1' },
        },
        reservations: ['R1'],
      },
    ],
  ]),
  reservations: new Map([
    [
      'R1',
      {
        reservation_id: 'R1',
        user_id: 'ada_1',
        cabin: 'economy',
        flights: [{ origin: 'AAA', destination: 'BBB', flight_number: 'F1', date: '2024-05-09', price: 60 }],
        passengers: [{ first_name: 'Ada' }, { first_name: 'Bob' }],
        payment_history: [{ payment_id: 'card_1', amount: 120 }],
        total_baggages: 2,
        nonfree_baggages: 1,
        insurance: 'no',
      },
    ],
  ]),
  flights: new Map([
    flight({ number: 'F1', from: 'AAA', to: 'BBB', departs: '08:00:00', arrives: '10:00:00', dates: both(100) }),
    flight({ number: 'F2', from: 'AAA', to: 'BBB', departs: '20:00:00', arrives: '01:00:00+1', dates: both(40) }),
    flight({ number: 'F3', from: 'BBB', to: 'CCC', departs: '09:00:00', arrives: '11:00:00', dates: both(30) }),
    flight({ number: 'F4', from: 'BBB', to: 'CCC', departs: '12:00:00', arrives: '13:00:00', dates: both(20) }),
    flight({
      number: 'F5',
      from: 'AAA',
      to: 'BBB',
      departs: '11:00:00',
      arrives: '12:00:00',
      dates: { '2024-05-09': { status: 'delayed' } },
    }),
  ]),
};

/** A fresh airline with `call(name, args)`; the arguments may be given as text. */
export function airline(): Database & { call: (name: string, args: JsonObject | string) => string } {
  const database = openDatabase(start);
  const text = (args: JsonObject | string) => (typeof args === 'string' ? args : JSON.stringify(args));
  return { ...database, call: (name, args) => callTool(database, name, text(args)).output };
}

export const userSays = (text: string): Message => ({ role: 'user', text });
export const agentSays = (text: string): Message => ({ role: 'assistant', text, calls: [] });
export const toolSays = (callId: string, output: string): Message => ({ role: 'tool', callId, output });
export const agentCalls = (id: string, name: string, args: JsonObject): Message => ({
  role: 'assistant',
  text: null,
  calls: [{ id, name, arguments: JSON.stringify(args) }],
});

/** A conversation that did nothing to the database and was judged as good. */
export const conversation = (messages: readonly Message[], reward = 1): Conversation => ({
  task: 0,
  trial: 0,
  reward,
  goal: { actions: [], outputs: [] },
  messages,
});

const toolWith = (name: string, argument: string): ToolSpec => ({
  name,
  description: name,
  parameters: {
    type: 'object',
    properties: { [argument]: { type: 'string' } },
    required: [argument],
    additionalProperties: true,
  },
});

export const tools: readonly ToolSpec[] = [
  toolWith('calculate', 'expression'),
  toolWith('transfer_to_human_agents', 'summary'),
];
