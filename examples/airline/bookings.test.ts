import { describe, expect, test } from 'vitest';
import { airline, start } from './fixture.ts';
import { isObject, own } from './json.ts';
import type { JsonObject } from './json.ts';

function entry(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error(`not an object: ${text}`);
  return value;
}

const balance = ({ users }: ReturnType<typeof airline>, method: string): unknown => {
  const methods = own(users.get('ada_1') ?? {}, 'payment_methods');
  const found = isObject(methods) ? own(methods, method) : undefined;
  return isObject(found) ? (own(found, 'amount') ?? 'no limit') : 'gone';
};

describe('certificates', () => {
  test('the first free of three ids is taken; then there is none', () => {
    const { call } = airline();
    const answers = [1, 2, 3, 4].map((amount) => call('send_certificate', { user_id: 'ada_1', amount }));
    expect(answers).toEqual([
      'Certificate certificate_3221322 added to user ada_1 with amount 1.',
      'Certificate certificate_3221323 added to user ada_1 with amount 2.',
      'Certificate certificate_3221324 added to user ada_1 with amount 3.',
      'None',
    ]);
    expect(call('get_user_details', { user_id: 'ada_1' })).toContain(
      '"certificate_3221322":{"source":"certificate","amount":1,"id":"certificate_3221322"}',
    );
  });

  test('an amount that was written as a float is printed as one', () => {
    const answer = airline().call('send_certificate', '{"user_id":"ada_1","amount":50.0}');
    expect(answer).toBe('Certificate certificate_3221322 added to user ada_1 with amount 50.0.');
  });

  test('an unknown user gets none', () => {
    expect(airline().call('send_certificate', { user_id: 'x', amount: 1 })).toBe('Error: user not found');
  });
});

describe('cancelling', () => {
  test('each payment is refunded and the reservation is cancelled', () => {
    const cancelled = entry(airline().call('cancel_reservation', { reservation_id: 'R1' }));
    expect(cancelled['payment_history']).toEqual([
      { payment_id: 'card_1', amount: 120 },
      { payment_id: 'card_1', amount: -120 },
    ]);
    expect(cancelled['status']).toBe('cancelled');
  });

  test('the shared records stay as they were', () => {
    airline().call('cancel_reservation', { reservation_id: 'R1' });
    expect(JSON.stringify(start.reservations.get('R1'))).not.toContain('cancelled');
    expect(airline().call('get_reservation_details', { reservation_id: 'R1' })).not.toContain('cancelled');
  });

  test('an unknown reservation is not found, by any changing tool', () => {
    const { call } = airline();
    const found = [
      call('cancel_reservation', { reservation_id: 'x' }),
      call('update_reservation_passengers', { reservation_id: 'x', passengers: [] }),
      call('update_reservation_baggages', {
        reservation_id: 'x',
        total_baggages: 1,
        nonfree_baggages: 1,
        payment_id: 'card_1',
      }),
      call('update_reservation_flights', { reservation_id: 'x', cabin: 'economy', flights: [], payment_id: 'card_1' }),
    ];
    expect(new Set(found)).toEqual(new Set(['Error: reservation not found']));
  });
});

describe('passengers', () => {
  test('they are replaced by as many others', () => {
    const { call } = airline();
    const args = { reservation_id: 'R1', passengers: [{ first_name: 'Cem' }, { first_name: 'Dan' }] };
    expect(entry(call('update_reservation_passengers', args))['passengers']).toEqual(args.passengers);
    expect(call('update_reservation_passengers', { reservation_id: 'R1', passengers: [{}] })).toBe(
      'Error: number of passengers does not match',
    );
  });
});

describe('bags', () => {
  const bags = (total: number, nonfree: number, payment: string): JsonObject => ({
    reservation_id: 'R1',
    total_baggages: total,
    nonfree_baggages: nonfree,
    payment_id: payment,
  });

  test('each further bag that is not free costs 50, charged to the gift card', () => {
    const place = airline();
    const changed = entry(place.call('update_reservation_baggages', bags(4, 3, 'gift_1')));
    expect(changed).toMatchObject({ total_baggages: 4, nonfree_baggages: 3 });
    expect(changed['payment_history']).toContainEqual({ payment_id: 'gift_1', amount: 100 });
    expect(balance(place, 'gift_1')).toBe(20);
  });

  test('fewer bags cost nothing, refund nothing and leave no payment', () => {
    const place = airline();
    const changed = entry(place.call('update_reservation_baggages', bags(2, 0, 'gift_1')));
    expect(changed['payment_history']).toHaveLength(1);
    expect(balance(place, 'gift_1')).toBe(120);
  });

  test.each([
    ['missing', 2, 'Error: payment method not found'],
    ['certificate_1', 2, 'Error: certificate cannot be used to update reservation'],
    ['gift_1', 4, 'Error: gift card balance is not enough'],
  ])('%s for %d bags is refused and changes nothing', (payment, nonfree, answer) => {
    const { call } = airline();
    expect(call('update_reservation_baggages', bags(9, nonfree, payment))).toBe(answer);
    expect(call('get_reservation_details', { reservation_id: 'R1' })).toBe(
      JSON.stringify(start.reservations.get('R1')),
    );
  });
});

describe('changing flights', () => {
  const change = (flights: JsonObject[], payment = 'card_1', cabin = 'economy'): JsonObject => ({
    reservation_id: 'R1',
    cabin,
    flights,
    payment_id: payment,
  });
  const F1 = { flight_number: 'F1', date: '2024-05-09' };
  const F4 = { flight_number: 'F4', date: '2024-05-09' };

  test('a flight that is kept keeps its price, another has the price of its day, for each passenger', () => {
    const changed = entry(airline().call('update_reservation_flights', change([F1, F4])));
    expect(changed['flights']).toEqual([
      { ...F1, price: 60, origin: 'AAA', destination: 'BBB' },
      { ...F4, price: 20, origin: 'BBB', destination: 'CCC' },
    ]);
    expect(changed['payment_history']).toContainEqual({ payment_id: 'card_1', amount: 40 });
  });

  test('in another cabin nothing is kept, and the cabin of the reservation stays', () => {
    const oneSeat = airline().call('update_reservation_flights', change([F1], 'card_1', 'business'));
    expect(oneSeat).toBe('Error: not enough seats on flight F1');
    const unknown = airline().call('update_reservation_flights', change([F1], 'card_1', 'first'));
    expect(unknown).toBe("Error: 'first'");
    const { call, reservations } = airline();
    const reservation = reservations.get('R1') ?? {};
    reservation['cabin'] = 'business';
    const changed = entry(call('update_reservation_flights', change([F1])));
    expect(changed).toMatchObject({ cabin: 'business', flights: [{ price: 100 }] });
  });

  test('a cheaper flight refunds the gift card; the same flights leave no payment', () => {
    const place = airline();
    place.call('update_reservation_flights', change([{ flight_number: 'F2', date: '2024-05-09' }], 'gift_1'));
    expect(balance(place, 'gift_1')).toBe(160);
    const same = entry(airline().call('update_reservation_flights', change([F1])));
    expect(same['payment_history']).toHaveLength(1);
  });

  test.each([
    ['F9', '2024-05-09', 'card_1', 'Error: flight F9 not found'],
    ['F4', '2024-06-01', 'card_1', 'Error: flight F4 not found on date 2024-06-01'],
    ['F5', '2024-05-09', 'card_1', 'Error: flight F5 not available on date 2024-05-09'],
    ['F1', '2024-05-10', 'missing', 'Error: payment method not found'],
    ['F1', '2024-05-10', 'certificate_1', 'Error: certificate cannot be used to update reservation'],
  ])('%s on %s paid by %s is refused', (flight_number, date, payment, answer) => {
    expect(airline().call('update_reservation_flights', change([{ flight_number, date }], payment))).toBe(answer);
  });

  test('a gift card that is too small is refused', () => {
    const flights = [F1, F4, { flight_number: 'F1', date: '2024-05-10' }];
    const answer = airline().call('update_reservation_flights', change(flights, 'gift_1'));
    expect(answer).toBe('Error: gift card balance is not enough');
  });
});

describe('booking', () => {
  const book = (payments: JsonObject[], more: JsonObject = {}): JsonObject => ({
    user_id: 'ada_1',
    origin: 'BBB',
    destination: 'CCC',
    flight_type: 'one_way',
    cabin: 'economy',
    flights: [{ flight_number: 'F4', date: '2024-05-09' }],
    passengers: [{ first_name: 'Ada' }, { first_name: 'Bob' }],
    payment_methods: payments,
    total_baggages: 1,
    nonfree_baggages: 1,
    insurance: 'yes',
    ...more,
  });
  // 2 passengers * (20 for the flight + 30 for insurance) + 50 for the bag.
  const exact = [
    { payment_id: 'certificate_1', amount: 70 },
    { payment_id: 'gift_1', amount: 50 },
    { payment_id: 'card_1', amount: 30 },
  ];

  test('a booking has all its fields, takes the money and uses the certificate up', () => {
    const place = airline();
    const booked = entry(place.call('book_reservation', book(exact)));
    expect(Object.keys(booked)).toEqual([
      'reservation_id',
      'user_id',
      'origin',
      'destination',
      'flight_type',
      'cabin',
      'flights',
      'passengers',
      'payment_history',
      'created_at',
      'total_baggages',
      'nonfree_baggages',
      'insurance',
    ]);
    expect(booked).toMatchObject({
      reservation_id: 'HATHAT',
      created_at: '2024-05-15T15:00:00',
      payment_history: exact,
      flights: [{ flight_number: 'F4', date: '2024-05-09', price: 20, origin: 'BBB', destination: 'CCC' }],
    });
    expect([balance(place, 'gift_1'), balance(place, 'certificate_1')]).toEqual([70, 'gone']);
    expect(place.users.get('ada_1')?.['reservations']).toEqual(['R1', 'HATHAT']);
    expect(place.call('get_reservation_details', { reservation_id: 'HATHAT' })).toContain('HATHAT');
  });

  test('the second booking is HATHAU, each later one HATHAV', () => {
    const { call } = airline();
    const card = book([{ payment_id: 'card_1', amount: 150 }]);
    const ids = [1, 2, 3, 4].map(() => entry(call('book_reservation', card))['reservation_id']);
    expect(ids).toEqual(['HATHAT', 'HATHAU', 'HATHAV', 'HATHAV']);
  });

  test.each([
    [{ user_id: 'x' }, exact, 'Error: user not found'],
    [{ flights: [{ flight_number: 'F9', date: '2024-05-09' }] }, exact, 'Error: flight F9 not found'],
    [{ cabin: 'business' }, exact, 'Error: not enough seats on flight F4'],
    [{}, [{ payment_id: 'x', amount: 150 }], 'Error: payment method x not found'],
    [{}, [{ payment_id: 'gift_1', amount: 150 }], 'Error: not enough balance in payment method gift_1'],
    [{}, [{ payment_id: 'certificate_1', amount: 81 }], 'Error: not enough balance in payment method certificate_1'],
    [
      { insurance: 'no' },
      [{ payment_id: 'card_1', amount: 150 }],
      'Error: payment amount does not add up, total price is 90, but paid 150',
    ],
  ])('with %j it is refused', (more, payments, answer) => {
    const { call } = airline();
    expect(call('book_reservation', book(payments, more))).toBe(answer);
    expect(call('get_user_details', { user_id: 'ada_1' })).toBe(JSON.stringify(start.users.get('ada_1')));
  });

  test('an amount that was written as a float makes the paid sum a float', () => {
    const text = JSON.stringify(book([{ payment_id: 'card_1', amount: 149 }])).replace('149', '149.0');
    const answer = airline().call('book_reservation', text);
    expect(answer).toBe('Error: payment amount does not add up, total price is 150, but paid 149.0');
  });

  test('a certificate that pays twice fails on the second use', () => {
    const twice = [
      { payment_id: 'certificate_1', amount: 75 },
      { payment_id: 'certificate_1', amount: 75 },
    ];
    expect(airline().call('book_reservation', book(twice))).toBe("Error: 'certificate_1'");
  });
});
