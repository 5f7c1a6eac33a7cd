// Starts Chromium, and ends a program if its steps fail or take too long.

import { chromium } from 'playwright-core';

/** A failure that its message explains. */
export class Failure extends Error {}

/** Starts a browser without windows, with these arguments besides the usual ones. */
export function launch(...more) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...more],
  });
}

/** Runs the steps. `fail` gets the error if one fails, or if they aren't done in time. */
export async function start(run, fail, limitMs) {
  setTimeout(() => fail(new Failure(`not done after ${limitMs / 1000} s`)), limitMs).unref();
  try {
    await run();
  } catch (error) {
    await fail(error);
  }
}

/** Ends the program after a failure. The browser has a moment to close. */
export async function quit(browser) {
  await Promise.race([
    browser?.close().catch(() => {}),
    new Promise((resolve) => { setTimeout(resolve, 5_000); }),
  ]);
  process.exit(1);
}
