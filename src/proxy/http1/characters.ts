const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;

/** 1 for each byte that may stand in a name: a token (RFC 9110, section 5.6.2). */
export const IN_NAME: Readonly<Uint8Array> = bytes((byte) =>
  /[\w!#$%&'*+.^`|~-]/.test(String.fromCharCode(byte))
);

/** 1 for each byte that may stand in a value: visible, space, tab or above 0x7F (RFC 9110, section 5.5). */
export const IN_VALUE: Readonly<Uint8Array> = bytes((byte) =>
  byte === TAB || (byte >= SPACE && byte !== DELETE)
);

/** Whether a text is a token (RFC 9110, section 5.6.2), as names and methods are. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (IN_NAME[text.charCodeAt(i)] !== 1) return false;
  }
  return text !== "";
}

function bytes(allowed: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => allowed(byte) ? 1 : 0);
}
