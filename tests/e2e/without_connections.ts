/** The program's handler on a platform that gives no connections. */
Reflect.deleteProperty(Deno, "connect");
Reflect.deleteProperty(Deno, "connectTls");
const { default: handler } = await import("../../serve.ts");

export { handler as default };
