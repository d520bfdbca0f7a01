/**
 * What of a body is not taken, for OTLP's partial success.
 *
 * Shape:  a count, and the first few reasons in words, each once.
 * Errors: none.
 */
export type Rejected = { readonly count: number; readonly messages: readonly string[] };

export type Rejections = { count: number; readonly messages: string[] };

const MAX_MESSAGES = 5;
const MAX_MESSAGE_LENGTH = 300;

export const newRejections = (): Rejections => ({ count: 0, messages: [] });

export const reject = (rejections: Rejections, count: number, why: string): void => {
  rejections.count += count;
  const { messages } = rejections;
  if (messages.length >= MAX_MESSAGES) return;
  const message = why.slice(0, MAX_MESSAGE_LENGTH);
  if (!messages.includes(message)) messages.push(message);
};
