import { describe, expect, test } from "vitest";
import { decode } from "../../../../test/otlp/proto.ts";
import { exportAnswer, statusAnswer } from "./answer.ts";

const json = ({ body }: { readonly body: Uint8Array }): unknown =>
  JSON.parse(new TextDecoder().decode(body));
const NOTHING = { count: 0, messages: [] };
const SOME = { count: 70_000, messages: ["a: délta", "b: old"] };

describe("an OTLP answer", () => {
  test("is empty when everything was taken", () => {
    expect(exportAnswer("protobuf", "metrics", NOTHING)).toEqual({
      contentType: "application/x-protobuf",
      body: new Uint8Array(),
    });
    expect(json(exportAnswer("json", "traces", NOTHING))).toEqual({});
  });

  test("says how many were rejected and why, as protobufjs reads it", () => {
    const said = { rejected: "70000", error_message: "a: délta; b: old" };
    expect(decode("ExportResponse", exportAnswer("protobuf", "traces", SOME).body)).toEqual({
      partial_success: said,
    });
    expect(json(exportAnswer("json", "metrics", SOME))).toEqual({
      partialSuccess: { rejectedDataPoints: "70000", errorMessage: said.error_message },
    });
    expect(json(exportAnswer("json", "traces", SOME))).toEqual({
      partialSuccess: { rejectedSpans: "70000", errorMessage: said.error_message },
    });
  });

  test("of a failure is a google.rpc.Status, no longer than it may be", () => {
    const problem = { code: "bad_request", message: "x".repeat(5_000) } as const;
    const { contentType, body } = statusAnswer("protobuf", problem);
    expect(contentType).toBe("application/x-protobuf");
    expect(decode("RpcStatus", body)).toEqual({ code: 3, message: "x".repeat(2_000) });
    const away = statusAnswer("json", { code: "unavailable", message: "later" });
    expect([away.contentType, json(away)]).toEqual([
      "application/json",
      { code: 14, message: "later" },
    ]);
  });
});
