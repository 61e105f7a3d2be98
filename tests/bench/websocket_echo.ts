/** An upstream that sends every WebSocket message back. Argument: port. */

function serve(port: number): void {
  Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, (request) => {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response("a WebSocket is expected\n");
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
}

if (import.meta.main) serve(Number(Deno.args[0]));
