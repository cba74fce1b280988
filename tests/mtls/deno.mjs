// Queries a server with Deno's own client: CA PORT [CERTIFICATE KEY]. Prints the response.
const [ca, port, certificate, key] = Deno.args;
const identity = certificate && { cert: Deno.readTextFileSync(certificate), key: Deno.readTextFileSync(key) };
const client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(ca)], ...identity });
try {
  console.log(await (await fetch(`https://localhost:${port}/`, { client })).text());
} catch (error) {
  console.log(error.message, error.cause?.message ?? "");
  Deno.exit(1);
}
