import { createRedactor, type RedactionOptions, type Redactor } from '../../wire/redaction.ts';

/** @throws UserError where an option of redaction cannot be used */
export function redactorOf(redact: RedactionOptions | Redactor | false): Redactor {
  if (redact === false) return (value) => value;
  return typeof redact === 'function' ? redact : createRedactor(redact);
}
