/**
 * Parses a Server-Sent Events stream from text that arrives in any pieces.
 *
 * Shape:  `feed(text)` calls `onEvent` for each complete event. A comment makes no event: the
 *         caller knows the stream is alive from the bytes themselves.
 * Source: WHATWG HTML, "Interpreting an event stream".
 */
export type SseEvent = { readonly type: string; readonly data: string; readonly id: string };

/** A frame larger than this is not ours; better a fault than memory without end. */
const MAX_PENDING_CHARS = 16 * 1024 * 1024;

export const createSseParser = (onEvent: (event: SseEvent) => void) => {
  let pending = "";
  let type = "";
  let data: string[] = [];
  let id = "";

  const line = (text: string): void => {
    if (text === "") {
      if (data.length > 0)
        onEvent({ type: type === "" ? "message" : type, data: data.join("\n"), id });
      type = "";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "event") type = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
  };

  return {
    feed: (text: string): void => {
      pending += text;
      // A lone CR at the end may be half of a CRLF: wait for the other half.
      const lines = pending.split(/\r\n|\n|\r(?!$)/);
      pending = lines.pop() ?? "";
      if (pending.length > MAX_PENDING_CHARS) throw new RangeError("event larger than 16 MB");
      for (const each of lines) line(each);
    },
  };
};
