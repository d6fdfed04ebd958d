/**
 * The tools that change the database. Checks run in the order that the recorded tools had, because the first one
 * that fails is the answer.
 */
import { isObject, own } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import type { Database } from './database.ts';
import { takeSeats } from './flights.ts';
import { item, listItem, numberItem, objectItem, pythonNumber, recordsItem, textItem } from './python.ts';
import type { Arguments } from './python.ts';

/** What a tool answers: JSON to be printed, or a sentence as it is. */
export type Answer = { json: Json } | string;

const RESERVATION_NOT_FOUND = 'Error: reservation not found';

/** Appends a refund for each payment and marks the reservation as cancelled. */
export function cancelReservation(database: Database, { values }: Arguments): Answer {
  const reservation = database.reservations.get(item(values, 'reservation_id'));
  if (reservation === undefined) return RESERVATION_NOT_FOUND;
  const history = recordsItem(reservation, 'payment_history');
  const refunds = history.map((payment) => ({
    payment_id: item(payment, 'payment_id'),
    amount: -numberItem(payment, 'amount'),
  }));
  reservation['payment_history'] = [...history, ...refunds];
  reservation['status'] = 'cancelled';
  return { json: reservation };
}

/** Replaces the passengers by as many others. */
export function updatePassengers(database: Database, { values }: Arguments): Answer {
  const reservation = database.reservations.get(item(values, 'reservation_id'));
  if (reservation === undefined) return RESERVATION_NOT_FOUND;
  const passengers = listItem(values, 'passengers');
  if (passengers.length !== listItem(reservation, 'passengers').length) {
    return 'Error: number of passengers does not match';
  }
  reservation['passengers'] = passengers;
  return { json: reservation };
}

/** Sets the number of bags; each further bag that is not free costs 50. */
export function updateBaggages(database: Database, { values }: Arguments): Answer {
  const reservation = database.reservations.get(item(values, 'reservation_id'));
  if (reservation === undefined) return RESERVATION_NOT_FOUND;
  const more = numberItem(values, 'nonfree_baggages') - numberItem(reservation, 'nonfree_baggages');
  const price = 50 * Math.max(0, more);
  const method = changePayment(database, reservation, { id: item(values, 'payment_id'), price });
  if (typeof method === 'string') return method;
  reservation['total_baggages'] = item(values, 'total_baggages');
  reservation['nonfree_baggages'] = item(values, 'nonfree_baggages');
  charge(method, price);
  recordPayment(reservation, item(values, 'payment_id'), price);
  return { json: reservation };
}

/** Replaces the flights; what they cost more or less than the old ones is paid or refunded. */
export function updateFlights(database: Database, { values }: Arguments): Answer {
  const reservation = database.reservations.get(item(values, 'reservation_id'));
  if (reservation === undefined) return RESERVATION_NOT_FOUND;
  const cabin = item(values, 'cabin');
  const passengers = listItem(reservation, 'passengers').length;
  const old = recordsItem(reservation, 'flights');
  const flights: JsonObject[] = [];
  for (const wanted of recordsItem(values, 'flights')) {
    const kept = keptFlight(old, wanted, cabin === item(reservation, 'cabin'));
    const flight = kept ?? takeSeats(database, wanted, { cabin, passengers });
    if (typeof flight === 'string') return flight;
    flights.push(flight);
  }
  const price = passengers * (sumOf(flights, 'price') - sumOf(old, 'price'));
  const method = changePayment(database, reservation, { id: item(values, 'payment_id'), price });
  if (typeof method === 'string') return method;
  charge(method, price);
  // The cabin stays as it was: so did the recorded tool.
  reservation['flights'] = flights;
  recordPayment(reservation, item(values, 'payment_id'), price);
  return { json: reservation };
}

/** Books flights for passengers, paid by methods of the user that add up to the exact total. */
export function bookReservation(database: Database, { values, isFloat }: Arguments): Answer {
  const user = database.users.get(item(values, 'user_id'));
  if (user === undefined) return 'Error: user not found';
  const passengers = listItem(values, 'passengers').length;
  const flights: JsonObject[] = [];
  for (const wanted of recordsItem(values, 'flights')) {
    const flight = takeSeats(database, wanted, { cabin: item(values, 'cabin'), passengers });
    if (typeof flight === 'string') return flight;
    flights.push(flight);
  }
  const insurance = item(values, 'insurance') === 'yes' ? 30 * passengers : 0;
  const bags = 50 * numberItem(values, 'nonfree_baggages');
  const total = passengers * sumOf(flights, 'price') + insurance + bags;

  const payments = recordsItem(values, 'payment_methods');
  const refusal = refusePayments(objectItem(user, 'payment_methods'), payments);
  if (refusal !== undefined) return refusal;
  const paid = sumOf(payments, 'amount');
  if (paid !== total) {
    const price = pythonNumber(total, isFloat(values, 'nonfree_baggages'));
    const sum = pythonNumber(
      paid,
      payments.some((payment) => isFloat(payment, 'amount')),
    );
    return `Error: payment amount does not add up, total price is ${price}, but paid ${sum}`;
  }

  for (const payment of payments) spend(objectItem(user, 'payment_methods'), payment);
  const id = freeReservationId(database);
  const reservation = newReservation(id, values, flights);
  database.reservations.set(id, reservation);
  user['reservations'] = [...listItem(user, 'reservations'), id];
  return { json: reservation };
}

/** Gives the user a certificate. */
export function sendCertificate(database: Database, { values, isFloat }: Arguments): Answer {
  const user = database.users.get(item(values, 'user_id'));
  if (user === undefined) return 'Error: user not found';
  const methods = objectItem(user, 'payment_methods');
  const id = ['certificate_3221322', 'certificate_3221323', 'certificate_3221324'].find(
    (candidate) => !Object.hasOwn(methods, candidate),
  );
  // The recorded tool fell off its end here, and Python prints what it then returns.
  if (id === undefined) return 'None';
  const amount = item(values, 'amount');
  methods[id] = { source: 'certificate', amount, id };
  const shown = typeof amount === 'number' ? pythonNumber(amount, isFloat(values, 'amount')) : String(amount);
  return `Certificate ${id} added to user ${String(item(values, 'user_id'))} with amount ${shown}.`;
}

const sumOf = (records: readonly JsonObject[], key: string): number =>
  records.reduce((sum, record) => sum + numberItem(record, key), 0);

/** The flight as it was booked, if the same one is wanted in the same cabin. */
function keptFlight(old: readonly JsonObject[], wanted: JsonObject, sameCabin: boolean): JsonObject | undefined {
  const number = item(wanted, 'flight_number');
  const date = item(wanted, 'date');
  const kept = old.find((flight) => item(flight, 'flight_number') === number && item(flight, 'date') === date);
  if (kept === undefined || !sameCabin) return undefined;
  return {
    ...wanted,
    price: item(kept, 'price'),
    origin: item(kept, 'origin'),
    destination: item(kept, 'destination'),
  };
}

/** The method that pays for a change, or the refusal. */
function changePayment(database: Database, reservation: JsonObject, cost: { id: Json; price: number }) {
  const user = database.users.get(item(reservation, 'user_id'));
  const methods = user === undefined ? {} : objectItem(user, 'payment_methods');
  const method = typeof cost.id === 'string' ? own(methods, cost.id) : undefined;
  if (!isObject(method)) return 'Error: payment method not found';
  const source = item(method, 'source');
  if (source === 'certificate') return 'Error: certificate cannot be used to update reservation';
  if (source === 'gift_card' && numberItem(method, 'amount') < cost.price) {
    return 'Error: gift card balance is not enough';
  }
  return method;
}

function charge(method: JsonObject, price: number): void {
  if (item(method, 'source') === 'gift_card') method['amount'] = numberItem(method, 'amount') - price;
}

function recordPayment(reservation: JsonObject, paymentId: Json, amount: number): void {
  if (amount === 0) return;
  const history = listItem(reservation, 'payment_history');
  reservation['payment_history'] = [...history, { payment_id: paymentId, amount }];
}

function refusePayments(methods: JsonObject, payments: readonly JsonObject[]): string | undefined {
  for (const payment of payments) {
    const id = item(payment, 'payment_id');
    const method = typeof id === 'string' ? own(methods, id) : undefined;
    if (!isObject(method)) return `Error: payment method ${String(id)} not found`;
    const source = item(method, 'source');
    const limited = source === 'gift_card' || source === 'certificate';
    if (limited && numberItem(method, 'amount') < numberItem(payment, 'amount')) {
      return `Error: not enough balance in payment method ${String(id)}`;
    }
  }
  return undefined;
}

function spend(methods: JsonObject, payment: JsonObject): void {
  const id = textItem(payment, 'payment_id');
  // A certificate that pays twice is gone the second time, and Python raises: so does this look-up.
  const method = objectItem(methods, id);
  if (item(method, 'source') === 'certificate') delete methods[id];
  else charge(method, numberItem(payment, 'amount'));
}

function freeReservationId(database: Database): string {
  return ['HATHAT', 'HATHAU'].find((id) => database.reservations.peek(id) === undefined) ?? 'HATHAV';
}

const newReservation = (id: string, values: JsonObject, flights: JsonObject[]): JsonObject => ({
  reservation_id: id,
  user_id: item(values, 'user_id'),
  origin: item(values, 'origin'),
  destination: item(values, 'destination'),
  flight_type: item(values, 'flight_type'),
  cabin: item(values, 'cabin'),
  flights,
  passengers: item(values, 'passengers'),
  payment_history: item(values, 'payment_methods'),
  created_at: '2024-05-15T15:00:00',
  total_baggages: item(values, 'total_baggages'),
  nonfree_baggages: item(values, 'nonfree_baggages'),
  insurance: item(values, 'insurance'),
});
