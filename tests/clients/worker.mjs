// One question over TLS by workerd, which `wrangler dev` runs: the worker is its own test.
export default {
  async test(_, env) {
    const answer = await fetch(env.url);
    console.log("accepted:", await answer.text());
  },
};
