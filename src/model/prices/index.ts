export type { PriceCatalog } from './catalog.ts';
export { catalogProvider } from './catalog.ts';
export { createPrices } from './create.ts';
export type { PricesOptions } from './create.ts';
export type {
  CallCost,
  FoundPrice,
  ModelPrice,
  PricedCall,
  PricedModel,
  Prices,
  PriceTier,
  TokenPrices,
} from './types.ts';
