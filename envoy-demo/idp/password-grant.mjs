// A user's token for name and password (RFC 6749 section 4.3), so that a script can have one. oidc-provider does not
// offer this grant, and rightly so: a user at a browser would go through the authorization code flow.

import { errors } from 'oidc-provider';

export function addPasswordGrant(provider, { users, scopes }) {
  async function passwordGrant(ctx) {
    const { client, params, requestParamScopes } = ctx.oidc;
    const user = users.find(({ username, password }) => username === params.username && password === params.password);
    if (!user) {
      throw new errors.InvalidGrant('wrong user name or password');
    }
    const allowed = client.scope?.split(' ') ?? scopes;
    const scope = [...requestParamScopes].filter((requested) => allowed.includes(requested)).join(' ');

    const grant = new provider.Grant({ accountId: user.sub, clientId: client.clientId });
    grant.addOIDCScope(scope);
    const token = new provider.AccessToken({
      accountId: user.sub,
      client,
      grantId: await grant.save(),
      gty: 'password',
      scope: scope || undefined,
    });
    ctx.body = {
      access_token: await token.save(),
      token_type: token.tokenType,
      expires_in: token.expiration,
      scope: token.scope,
    };
  }

  provider.registerGrantType('password', passwordGrant, ['username', 'password', 'scope']);
}
