/** A DNS server of one answer, over UDP on loopback; written out so that it may also misbehave. */
import { createSocket } from "node:dgram";
import { once } from "node:events";

export type NameServer = {
  readonly address: string;
  readonly asked: () => number;
  readonly close: () => Promise<void>;
};
export type Reply = {
  readonly rcode?: number;
  /** Type number and data of each record; their name is that of the question. */
  readonly records?: readonly { readonly type: number; readonly data: Uint8Array }[];
};

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  CAA: 257,
} as const;
const RESPONSE_FLAGS = 0x8180;
const HEADER_BYTES = 12;
const QUESTION_TAIL_BYTES = 4;
/** A pointer to the question's name. */
const NAME_POINTER = 0xc00c;
const TTL_S = 60;

/** Answers with what the function says; undefined says nothing, bytes are sent as they are. */
export const nameServer = async (
  answer: () => Reply | Uint8Array | undefined,
): Promise<NameServer> => {
  const socket = createSocket("udp4");
  let asked = 0;
  socket.on("message", (question, { port, address }) => {
    asked += 1;
    const reply = answer();
    if (reply === undefined) return;
    socket.send(reply instanceof Uint8Array ? reply : replyTo(question, reply), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked: () => asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
};

const replyTo = (question: Buffer, { rcode = 0, records = [] }: Reply): Buffer => {
  const nameEnd = question.indexOf(0, HEADER_BYTES) + 1;
  const asked = question.subarray(HEADER_BYTES, nameEnd + QUESTION_TAIL_BYTES);
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(question.readUInt16BE(0), 0);
  head.writeUInt16BE(RESPONSE_FLAGS | rcode, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  const answers = records.map(({ type, data }) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(NAME_POINTER, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(TTL_S, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, asked, ...answers]);
};

/** A name as records hold it: each label with its length. */
export const wireName = (name: string): Buffer =>
  Buffer.concat([
    ...name.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);
