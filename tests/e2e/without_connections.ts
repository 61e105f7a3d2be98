/** The program's handler on a platform that gives no connections. */
Reflect.deleteProperty(Deno, "connect");
Reflect.deleteProperty(Deno, "connectTls");
const { default: handler } = await import("../../main.ts");

export { handler as default };
