/** Alerts on the metrics: rules, states, actions, and a rule file for Prometheus. */
export { logAlert, webhookAlert } from './actions.ts';
export type { AlertAction, AlertNotice, WebhookAlertOptions } from './actions.ts';
export { startAlerts } from './alerts.ts';
export type { AlertKeeper, Alerts, AlertsOptions, AlertStates } from './alerts.ts';
export type { AlertState, AlertStatus } from './machine.ts';
export { prometheusRules } from './prometheus-rules.ts';
export { DEFAULT_ALERT_RULES } from './rules.ts';
export type { AlertRule } from './rules.ts';
