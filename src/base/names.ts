// Names of the AWS API that every layer checks in the same way.

/** What the names of things and services consist of, as the service model 2018-10-05 writes it. */
export const API_NAME_CHARACTERS = "[a-zA-Z0-9:_-]";

const API_NAME = new RegExp(`^${API_NAME_CHARACTERS}{1,128}$`);

/** Whether a text can be the name of a thing or a service id: both have the same form. */
export function isApiName(text: string): boolean {
  return API_NAME.test(text);
}

/** What the id of a tunnel consists of, as the same model writes it. */
export const TUNNEL_ID_PATTERN = "[a-zA-Z0-9_\\-+=:]{1,128}";

const TUNNEL_ID = new RegExp(`^${TUNNEL_ID_PATTERN}$`);

/** Whether a text can be the id of a tunnel. No such text leads out of a directory as the name of a file. */
export function isTunnelId(text: string): boolean {
  return TUNNEL_ID.test(text);
}

/**
 * Whether a text has the form of a region name. It becomes part of a host name, so nothing that could lead
 * to another host (dots, slashes, "@", ports) passes.
 */
export function isRegion(text: string): boolean {
  return text.length <= 40 && /^[a-z]{2,6}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(text);
}
