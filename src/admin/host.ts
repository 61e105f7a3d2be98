/**
 * Which names a request to the admin listener may come under. A page that gives its own name the address
 * of the listener (DNS rebinding) makes a browser send that name: it is none of these.
 */

/**
 * Whether the host of a request's URL is an IP address, `localhost` or one of these names.
 *
 * @param hostname as `URL` gives it: lower case, IPv6 in brackets, other spellings of IPv4 resolved.
 * @param names as the settings have them, upper and lower case alike.
 */
export function isOwnHost(hostname: string, names: readonly string[]): boolean {
  if (hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname)) return true;
  const name = hostname.replace(/\.$/, "");
  return name === "localhost" || names.some((own) => own.toLowerCase() === name);
}
