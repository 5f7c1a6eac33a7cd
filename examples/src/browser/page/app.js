// The page of the reading room. The tokens are in cookies that no script can read, so this file never sees them.

const $ = (id) => document.getElementById(id);

/* Talking to the server */

// The CSRF cookie is the only one that scripts can read. The server expects its value in a header. It lives as long as a session can.
const csrf = () => document.cookie.split("; ").find((cookie) => cookie.startsWith("__Host-csrf="))?.split("=")[1];

async function send(method, path, body) {
  const headers = {};
  if (method !== "GET" && csrf()) headers["X-CSRF-Token"] = csrf();
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(10_000) });
  logRequest(method, path, response);
  return response;
}

const stepUp = (response) => (response.headers.get("WWW-Authenticate") ?? "").includes("insufficient_user_authentication");

// A refresh token can be used once, so only one tab refreshes at a time. A request that had to wait uses the new token.
let refreshes = 0;
async function refresh(seen) {
  return navigator.locks.request("refresh", async () => {
    if (refreshes !== seen) return true;
    const response = await send("POST", "/auth/refresh");
    if (response.status >= 500) throw new Unavailable();
    if (response.ok) refreshes += 1;
    // The browser refreshes a session by itself if it’s bound to this device, before it sends the next request.
    return response.ok || response.status === 403;
  });
}

class LoggedOut extends Error {}
class Cancelled extends Error {}
class Unavailable extends Error {}

/** Sends a request. Refreshes once if the access token has expired, and asks for the password once if the login isn’t fresh. */
async function ask(method, path, { body, why, also } = {}) {
  const seen = refreshes;
  let response = await send(method, path, body);
  if (response.status === 401 && !stepUp(response)) {
    if (!(await refresh(seen))) throw new LoggedOut();
    response = await send(method, path, body);
  }
  if (response.status === 401 && stepUp(response)) {
    await confirmPassword(why ?? "Enter your password to continue.");
    response = await send(method, path, body);
  }
  if (response.status === 401) throw new LoggedOut();
  if (response.status >= 500) throw new Unavailable();
  if (!response.ok && response.status !== also) throw new Error(`The server answered ${method} ${path} with ${response.status}.`);
  return response;
}

/* Requests and answers, explained */

function meaning(method, path, response) {
  const { status } = response;
  if (status >= 500) return "The server couldn’t process the request.";
  if (path === "/auth/login") {
    return status === 200 ? "The password was right. The answer set the cookies of a new session." : "The password was wrong. No cookie was set.";
  }
  if (path === "/auth/refresh") {
    if (status === 403) return "The session is bound to this device, so only the browser itself can refresh it.";
    return status === 204 ? "The refresh token was exchanged for new tokens, without interrupting you." : "There’s no session, or it has ended. The cookies were removed.";
  }
  if (status === 401 && stepUp(response)) return "The token is valid, but you entered the password too long ago for this action.";
  if (status === 401) return "The access token has expired, or there is none.";
  if (status === 403) return "The request doesn’t look like one from this page, so it was refused.";
  if (status === 404) return "It no longer exists.";
  if (status === 422) return "The password was wrong.";
  if (path === "/auth/confirm") return "The password was right. The new access token is fresh, so it allows critical actions.";
  if (path === "/auth/logout") return "The session ended, and the cookies were removed.";
  if (path === "/auth/logout-everywhere") return "All sessions ended, and the cookies were removed.";
  return method === "DELETE" ? "Done. The request proved that it came from this page." : "The browser sent the cookie with the access token, which is valid.";
}

function logRequest(method, path, response) {
  const { status } = response;
  const item = element("li");
  const asked = element("span", "asked");
  asked.append(element("code", "", `${method} ${path}`), element("span", "status", String(status)));
  item.append(asked, element("span", "hint", meaning(method, path, response)));
  item.dataset.tone = status < 400 ? "good" : status < 500 ? "refused" : "bad";
  $("requests").prepend(item);
  while ($("requests").children.length > 12) $("requests").lastChild.remove();
}

/* Showing the data */

function element(name, className = "", text = "") {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

function button(text, label, action) {
  const node = element("button", "", text);
  node.type = "button";
  node.setAttribute("aria-label", label);
  node.addEventListener("click", () => runAction(node, action));
  return node;
}

const announce = (text) => { $("announce").textContent = text; };

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

function showLogin(message = "") {
  $("confirm").close();
  $("who").hidden = $("logged-in").hidden = true;
  $("login-part").hidden = false;
  $("login").reset();
  markInvalid("login", message);
  (message ? $("login-title") : $("login-name")).focus();
}

async function showAccount() {
  const me = await (await ask("GET", "/api/me")).json();
  await Promise.all([showBooks(), showSessions()]);
  $("name").textContent = me.name;
  for (const hidden of document.querySelectorAll("[autocomplete=username][readonly]")) hidden.value = me.name;
  $("login-part").hidden = true;
  $("who").hidden = $("logged-in").hidden = false;
}

async function showBooks() {
  const books = await (await ask("GET", "/api/books")).json();
  const rows = books.map(({ id, title, author }) => {
    const row = element("tr");
    const name = element("td");
    name.append(element("cite", "", title));
    const action = element("td");
    action.append(button("Return", `Return ${title}`, async () => {
      await ask("DELETE", `/api/books/${id}`, { why: `To return “${title}”, enter your password.` });
      await Promise.all([showBooks(), showSessions()]);
      announce(`${title} was returned.`);
      $("books-title").focus();
    }));
    row.append(name, element("td", "", author), action);
    return row;
  });
  $("books").tBodies[0].replaceChildren(...rows);
  $("books").hidden = !rows.length;
  $("books-empty").hidden = Boolean(rows.length);
}

async function showSessions() {
  const sessions = await (await ask("GET", "/api/sessions")).json();
  const when = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  const items = sessions.map(({ id, device, since, current }) => {
    const item = element("li");
    const about = element("div");
    about.append(element("strong", "", device), element("span", "hint", `since ${when.format(since * 1000)}`));
    item.append(about);
    if (current) {
      item.append(element("span", "here", "this browser"));
    } else {
      item.append(button("Log out", `Log out ${device}, since ${when.format(since * 1000)}`, async () => {
        await ask("DELETE", `/api/sessions/${id}`);
        await showSessions();
        announce(`${device} was logged out.`);
        $("sessions-title").focus();
      }));
    }
    return item;
  });
  $("sessions").replaceChildren(...items);
}

/* Actions */

/** Runs the action of a control, unless it’s running already, and shows an error if it fails. */
async function runAction(control, action) {
  if (control.getAttribute("aria-disabled") === "true") return;
  control.setAttribute("aria-disabled", "true");
  problem("");
  try {
    await action();
  } catch (error) {
    showError(error);
  } finally {
    control.removeAttribute("aria-disabled");
  }
}

function showError(error) {
  if (error instanceof Cancelled) announce("Nothing was changed.");
  else if (error instanceof LoggedOut) showLogin("You were logged out. Log in again to continue.");
  else if (error instanceof Unavailable) problem("The server is unavailable. Try again in a moment.");
  else if (error instanceof TypeError || error.name === "TimeoutError") problem("The server can’t be reached. Make sure that it’s running.");
  else problem(error.message);
}

function markInvalid(form, message) {
  $(`${form}-error`).textContent = message;
  for (const input of $(form === "login" ? "login" : "confirm-form").querySelectorAll("input:not([readonly])")) {
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData($("login")));
  runAction(event.submitter ?? $("login"), async () => {
    const response = await send("POST", "/auth/login", { name, password });
    if (response.status >= 500) throw new Unavailable();
    if (response.status !== 200) {
      markInvalid("login", "The name or the password is wrong.");
      announce("The name or the password is wrong.");
      $("login-password").select();
      return;
    }
    markInvalid("login", "");
    refreshes += 1;
    await showAccount();
    announce("You are logged in.");
    $("books-title").focus();
  });
});

/** Asks for the password until it’s right or the user cancels. */
function confirmPassword(why) {
  const dialog = $("confirm");
  const form = $("confirm-form");
  const opener = document.activeElement;
  $("confirm-why").textContent = why;
  form.reset();
  markInvalid("confirm", "");
  for (const hidden of form.querySelectorAll("[readonly]")) hidden.value = $("name").textContent;
  dialog.showModal();
  $("confirm-password").focus();
  return new Promise((resolve, reject) => {
    let confirmed = false;
    form.onsubmit = async (event) => {
      event.preventDefault();
      try {
        const { password } = Object.fromEntries(new FormData(form));
        const response = await ask("POST", "/auth/confirm", { body: { password }, also: 422 });
        if (!response.ok) {
          markInvalid("confirm", "The password is wrong.");
          $("confirm-password").select();
          return;
        }
        confirmed = true;
        resolve();
        dialog.close();
      } catch (error) {
        reject(error);
        dialog.close();
      }
    };
    dialog.onclose = () => {
      if (!confirmed) reject(new Cancelled());
      opener?.focus();
    };
    $("confirm-cancel").onclick = () => dialog.close();
  });
}

async function logOut(path) {
  await ask("POST", path);
  showLogin();
  announce("You are logged out.");
}
$("logout").addEventListener("click", () => runAction($("logout"), () => logOut("/auth/logout")));
$("logout-everywhere").addEventListener("click", () => runAction($("logout-everywhere"), () => logOut("/auth/logout-everywhere")));

// The user may still be logged in from an earlier visit.
if (csrf()) {
  await showAccount().catch((error) => {
    showLogin();
    showError(error);
  });
} else {
  showLogin();
}
