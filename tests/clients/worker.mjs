// One TLS request with workerd, which `wrangler dev` runs: the worker is itself a test.
export default {
  async test(_, env) {
    const answer = await fetch(env.url);
    console.log("accepted:", await answer.text());
  },
};
