/** Looking for flights, and taking seats on them: what the search tools and the booking tools share. */
import { isObject, own } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import type { Database } from './database.ts';
import { item, numberItem, objectItem, PythonFailure, textItem } from './python.ts';

const AIRPORTS = {
  SFO: 'San Francisco',
  JFK: 'New York',
  LAX: 'Los Angeles',
  ORD: 'Chicago',
  DFW: 'Dallas',
  DEN: 'Denver',
  SEA: 'Seattle',
  ATL: 'Atlanta',
  MIA: 'Miami',
  BOS: 'Boston',
  PHX: 'Phoenix',
  IAH: 'Houston',
  LAS: 'Las Vegas',
  MCO: 'Orlando',
  EWR: 'Newark',
  CLT: 'Charlotte',
  MSP: 'Minneapolis',
  DTW: 'Detroit',
  PHL: 'Philadelphia',
  LGA: 'LaGuardia',
};

/** Airport code to city. */
export const listAllAirports = (): JsonObject => AIRPORTS;

/** The flights of that pair that can be booked on that date, in file order. */
export function searchDirectFlight(database: Database, args: JsonObject): Json[] {
  const date = item(args, 'date');
  return [...database.flights.values()]
    .filter((flight) => own(flight, 'origin') === item(args, 'origin'))
    .filter((flight) => own(flight, 'destination') === item(args, 'destination'))
    .filter((flight) => isAvailable(flight, date))
    .map((flight) => ({ ...withoutDates(flight), ...day(flight, date) }));
}

/** Pairs of flights with one stop that can be booked, in file order, first leg outer. */
export function searchOnestopFlight(database: Database, args: JsonObject): Json[] {
  const date = item(args, 'date');
  const flights = [...database.flights.values()];
  const last = flights.filter((flight) => own(flight, 'destination') === item(args, 'destination'));
  const pairs: Json[] = [];
  for (const first of flights) {
    if (own(first, 'origin') !== item(args, 'origin')) continue;
    const arrival = textItem(first, 'scheduled_arrival_time_est');
    for (const second of last) {
      if (own(first, 'destination') !== own(second, 'origin')) continue;
      const secondDate = arrival.includes('+1') ? nextDay(date) : date;
      if (arrival > textItem(second, 'scheduled_departure_time_est')) continue;
      if (!isAvailable(first, date) || !isAvailable(second, secondDate)) continue;
      pairs.push([
        { ...withoutDates(first), ...day(first, date), date },
        // The day is that of `date` even where the leg leaves on the next one: so did the recorded tool.
        { ...withoutDates(second), ...day(second, date), date: secondDate },
      ]);
    }
  }
  return pairs;
}

/** Wanted seats: `cabin` on each flight, for so many passengers. */
export type Seats = { cabin: Json; passengers: number };

/** The wanted flight with its price that day, or what the tool answers where it cannot be had. */
export function takeSeats(database: Database, wanted: JsonObject, seats: Seats): JsonObject | string {
  const number = item(wanted, 'flight_number');
  const flight = typeof number === 'string' ? database.flights.get(number) : undefined;
  if (flight === undefined) return `Error: flight ${String(number)} not found`;
  const date = item(wanted, 'date');
  const dates = objectItem(flight, 'dates');
  if (typeof date !== 'string' || !Object.hasOwn(dates, date)) {
    return `Error: flight ${String(number)} not found on date ${String(date)}`;
  }
  const offer = objectItem(dates, date);
  if (item(offer, 'status') !== 'available') {
    return `Error: flight ${String(number)} not available on date ${date}`;
  }
  const cabin = typeof seats.cabin === 'string' ? seats.cabin : String(seats.cabin);
  if (numberItem(objectItem(offer, 'available_seats'), cabin) < seats.passengers) {
    return `Error: not enough seats on flight ${String(number)}`;
  }
  const price = numberItem(objectItem(offer, 'prices'), cabin);
  return { ...wanted, price, origin: item(flight, 'origin'), destination: item(flight, 'destination') };
}

function withoutDates(flight: JsonObject): JsonObject {
  const { dates: _, ...rest } = flight;
  return rest;
}

function day(flight: JsonObject, date: Json): JsonObject {
  return objectItem(objectItem(flight, 'dates'), String(date));
}

function isAvailable(flight: JsonObject, date: Json): boolean {
  const found = typeof date === 'string' ? own(objectItem(flight, 'dates'), date) : undefined;
  return isObject(found) && item(found, 'status') === 'available';
}

function nextDay(date: Json): string {
  const text = typeof date === 'string' ? date.slice(-2) : '';
  if (!/^\s*\d+\s*$/.test(text)) throw new PythonFailure(`invalid literal for int() with base 10: '${text}'`);
  return `2024-05-${Number(text) + 1}`;
}
