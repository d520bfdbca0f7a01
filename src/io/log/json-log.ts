/**
 * Logs: one JSON line per event on stderr, secrets taken out.
 *
 * Errors: none; a log line that cannot be made is replaced by one that says so.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";
type Fields = Readonly<Record<string, unknown>>;
export type Log = {
  readonly [L in LogLevel]: (message: string, fields?: Fields) => void;
} & { readonly with: (fields: Fields) => Log };

const SECRET_KEY = /pass(word)?|secret|token|authorization|cookie|credential|private/i;
const SECRET_VALUE = /(nve_[A-Za-z0-9_-]{6})[A-Za-z0-9_-]+|(:\/\/[^:/@\s]+:)[^@\s]+(@)/g;
const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const MAX_LINE_CHARS = 16_384;

export const jsonLog = (
  program: string,
  options: { readonly level?: LogLevel; readonly write?: (line: string) => void } = {},
): Log => {
  const floor = RANK[options.level ?? "info"];
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const make = (bound: Fields): Log => {
    const at =
      (level: LogLevel) =>
      (message: string, fields: Fields = {}): void => {
        if (RANK[level] < floor) return;
        const line = { at: new Date().toISOString(), level, program, message, ...bound, ...fields };
        write(`${render(line)}\n`);
      };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => make({ ...bound, ...fields }),
    };
  };
  return make({});
};

const render = (line: Fields): string => {
  try {
    const text = JSON.stringify(line, (key, value: unknown) => {
      if (key !== "" && SECRET_KEY.test(key)) return "[redacted]";
      if (value instanceof Error)
        return { name: value.name, message: value.message, stack: value.stack };
      return typeof value === "bigint" ? value.toString() : value;
    });
    return redact(text).slice(0, MAX_LINE_CHARS);
  } catch (fault) {
    return JSON.stringify({
      level: "error",
      message: "a log line could not be made",
      why: String(fault),
    });
  }
};

export const redact = (text: string): string => text.replaceAll(SECRET_VALUE, "$1$2***$3");
