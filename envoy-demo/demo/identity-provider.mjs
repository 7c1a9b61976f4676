// Tokens from the identity provider, as an application gets them.

export class IdentityProvider {
  constructor({ IDP_URL, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_USERNAME, DEMO_PASSWORD }) {
    this.tokenEndpoint = `${IDP_URL}/token`;
    this.client = Buffer.from(`${DEMO_CLIENT_ID}:${DEMO_CLIENT_SECRET}`).toString('base64');
    this.user = { username: DEMO_USERNAME, password: DEMO_PASSWORD };
  }

  /** A token of the application itself. */
  applicationToken(scope) {
    return this.#token({ grant_type: 'client_credentials', scope });
  }

  /** A token of the user, who has trusted the application with the password. */
  userToken(scope) {
    return this.#token({ grant_type: 'password', ...this.user, scope });
  }

  async #token(fields) {
    const response = await fetch(this.tokenEndpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${this.client}` },
      body: new URLSearchParams(fields),
    });
    const answer = await response.json();
    if (!response.ok) {
      throw new Error(`${response.status} ${JSON.stringify(answer)}`);
    }
    return answer;
  }
}
