/**
 * What a failed request to ClickHouse means: try again, or somebody must look.
 *
 * Source: ClickHouse's list of error codes; the ones below pass by themselves, or when an operator
 *         frees disk or memory.
 */
const PASSING = new Set([
  159, // TIMEOUT_EXCEEDED
  164, // READONLY
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  319, // UNKNOWN_STATUS_OF_INSERT
  394, // QUERY_WAS_CANCELLED
  439, // CANNOT_SCHEDULE_TASK
  516, // AUTHENTICATION_FAILED: a store that is being replaced may have another password
  999, // KEEPER_EXCEPTION
]);

export class StoreFault extends Error {
  override readonly name = "StoreFault";
  /** ClickHouse's code; undefined when the request did not get that far. */
  readonly code: number | undefined;
  readonly mayPass: boolean;
  constructor(message: string, code: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.mayPass = code === undefined || PASSING.has(code);
  }
}
