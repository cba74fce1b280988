// Mutual TLS with workerd: greets every client that TLS accepts.
export default { fetch: () => new Response("Hello, whoever you are\n") };
