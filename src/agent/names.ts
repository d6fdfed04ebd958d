/** A name that vendors accept for a function: letters, digits and `_`. `Sub Agent` becomes `Sub_Agent`. */
export const identifier = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_');
