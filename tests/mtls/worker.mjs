// Mutual TLS with workerd: greets whom TLS has let in.
export default { fetch: () => new Response("Hello, whoever you are\n") };
