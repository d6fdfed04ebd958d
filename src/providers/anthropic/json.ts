/** JSON as Anthropic's models keep it. */
import { isObject, type Json } from '../../model/wire-json.ts';

export { compact, detached, isObject, isString, omit, type Json } from '../../model/wire-json.ts';

/** What this provider left on an item or a part: everything of ours is under one name. */
export function ours(providerData: Json | undefined): Json {
  const data = providerData?.['anthropic'];
  return isObject(data) ? data : {};
}
