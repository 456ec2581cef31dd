// An OpenID provider with one client and one person, for tests: prints its issuer when it listens.
// node oidc_provider.mjs REDIRECT_URI EMAIL
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [redirectUri, email] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "oncelink",
      client_secret: "provider's own secret",
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [new URL("/sign-in", redirectUri).href],
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    cookies: { keys: ["only for tests"] },
    findAccount: (context, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email, email_verified: true, name: "Member" }),
    }),
    pkce: { required: () => true },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
