/** Where a server is and how to talk to it. */
export interface Endpoint {
  /** Without a trailing slash: `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  readonly model: string;
  /** Whether replies are streamed. */
  readonly stream: boolean;
  readonly timers: Timers;
  /** Tries of a request after the first. */
  readonly retries: number;
  /** Takes lines on what is sent and received. The key is not in them. */
  readonly trace?: (line: string) => void;
}

/** Milliseconds. */
export interface Timers {
  readonly connectMs: number;
  /** From the request to the first byte of the reply's body. */
  readonly firstTokenMs: number;
  /** Between two pieces of the body. */
  readonly idleMs: number;
}
