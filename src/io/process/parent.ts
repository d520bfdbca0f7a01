/** For a child: stop when asked to, or when the parent is gone. */

/**
 * Calls `stop` once, on SIGTERM, SIGINT, or the end of stdin where the parent holds a pipe. What
 * comes after the first is not heard: a second Ctrl-C would leave children behind.
 */
export const onStop = (stop: (why: string) => void): void => {
  let asked = false;
  const once = (why: string) => (): void => {
    if (asked) return;
    asked = true;
    stop(why);
  };
  process.on("SIGTERM", once("SIGTERM"));
  process.on("SIGINT", once("SIGINT"));
  if (process.env["NOVAEVO_PARENT"] === undefined) return;
  process.stdin.once("end", once("the parent is gone"));
  process.stdin.once("error", once("the parent is gone"));
  process.stdin.resume();
};
