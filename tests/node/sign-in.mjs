// Signs in at the provider without a browser: sends its sign-in and consent
// forms over HTTP, and follows its redirects.

const REQUEST_MS = 10_000;

/** Signs in and consents, and returns the parameters with which the client is called back. */
export async function signInAt(start, redirectUri, sub) {
  const visit = browser(new URL(start).origin, redirectUri);
  let page = await visit(start);
  for (let forms = 0; page.form; forms += 1) {
    if (forms === 2) throw new Error('more forms than sign-in and consent');
    const fields = new URLSearchParams({ prompt: page.form.prompt });
    if (page.form.prompt === 'login') {
      fields.set('login', sub);
      fields.set('password', 'any');
    }
    page = await visit(page.form.action, fields);
  }
  return page.redirect.searchParams;
}

/** Follows redirects with a cookie jar, up to a form or the redirect URI. */
function browser(issuer, redirectUri) {
  const jar = new Map();
  return async function visit(start, form) {
    let url = new URL(start);
    let body = form;
    for (let hops = 0; hops < 10; hops += 1) {
      if (url.origin + url.pathname === redirectUri) return { redirect: url };
      if (url.origin !== issuer) throw new Error(`redirected to ${url.origin}`);
      const response = await fetch(url, {
        method: body ? 'POST' : 'GET',
        body,
        redirect: 'manual',
        headers: { cookie: Array.from(jar, ([name, value]) => `${name}=${value}`).join('; ') },
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      for (const cookie of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
        if (value) jar.set(name, value);
        else jar.delete(name);
      }
      const text = await response.text();
      const location = response.headers.get('location');
      if (location) {
        url = new URL(location, url);
        body = undefined;
        continue;
      }
      const action = /<form[^>]* action="([^"]+)"/.exec(text)?.[1];
      const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1];
      if (!action || !prompt) throw new Error(`no form at ${url.pathname}: ${response.status}`);
      return { form: { action: new URL(action, url), prompt } };
    }
    throw new Error('too many redirects');
  };
}
