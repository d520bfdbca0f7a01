/**
 * The fault door of a managed process.
 *
 * Units:  ms.
 * Errors: none thrown; false for a door that did not answer 200.
 */
export type FaultDoor = {
  readonly inject: (
    url: string,
    fault: { readonly kind: string; readonly share?: number; readonly forMs: number },
  ) => Promise<boolean>;
  readonly lift: (url: string) => Promise<boolean>;
};

const TIMEOUT_MS = 1_000;

export const faultDoor = (token: string): FaultDoor => {
  const ask = async (url: string, method: string, body: string | null): Promise<boolean> => {
    try {
      const answer = await fetch(`${url}/_fault`, {
        method,
        body,
        headers: {
          "x-fault-token": token,
          ...(body === null ? {} : { "content-type": "application/json" }),
        },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  };
  return {
    inject: (url, fault) => ask(url, "POST", JSON.stringify(fault)),
    lift: (url) => ask(url, "DELETE", null),
  };
};
