/** Endpoints that fail, on every protocol: each failure has a name and an exit code, and only passing ones are tried again. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { protocols, type Protocol } from "../../src/config/settings.ts";
import type { EngineRequest } from "../../src/engine/engine.ts";
import { KimiError } from "../../src/errors.ts";
import { openRemote, request } from "../support/engines.ts";
import { collect, said } from "../support/events.ts";
import {
  event,
  startEndpoint,
  status,
  stream,
  startEvents,
  type RawReply,
} from "../support/fake-endpoint.ts";

/** How each protocol says a piece of text, and that the reply is complete. */
const wire: Readonly<
  Record<Protocol, { readonly say: (text: string) => string; readonly done: string }>
> = {
  chat: {
    say: (content) => event({ choices: [{ delta: { content } }] }),
    done: event({ choices: [{ delta: {}, finish_reason: "stop" }] }),
  },
  completions: {
    say: (text) => event({ choices: [{ text }] }),
    done: event({ choices: [{ text: "", finish_reason: "stop" }] }),
  },
  anthropic: {
    say: (text) =>
      event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
    done:
      event({ type: "message_delta", delta: { stop_reason: "end_turn" } }) +
      event({ type: "message_stop" }),
  },
};

/** With a limit of its own, so that no protocol asks for the server's. */
function short(more: Partial<EngineRequest> = {}): EngineRequest {
  return request({ sampling: { maxTokens: 50 }, ...more });
}

function asker(protocol: Protocol) {
  const ask = async (
    replies: RawReply | readonly RawReply[],
    config: Parameters<typeof openRemote>[2] = {},
  ) => {
    const list = typeof replies === "function" ? [replies] : replies;
    const endpoint = await startEndpoint(protocol, list);
    const engine = await openRemote(protocol, endpoint.url, config);
    return { endpoint, generate: () => collect(engine.generate(short())) };
  };
  return { ask };
}

describe.each(protocols)("with %s a failure has a name and an exit code", (protocol) => {
  const { ask } = asker(protocol);
  const { say } = wire[protocol];

  test.each([
    [401, "unauthorized", 3],
    [403, "forbidden", 3],
    [404, "not-found", 3],
    [400, "rejected", 1],
    [422, "rejected", 1],
    [429, "rate-limited", 75],
    [500, "server-error", 1],
    [502, "overloaded", 75],
    [503, "overloaded", 75],
    [529, "overloaded", 75],
  ])("HTTP %i is %s, exit code %i", async (code, name, exitCode) => {
    const { generate } = await ask(status(code, '{"error": {"message": "the\\nreason"}}'));
    await expect(generate()).rejects.toMatchObject({
      code: name,
      exitCode,
      message: expect.stringMatching(/the reason$/) as string,
    });
  });

  test("the key is in no message", async () => {
    const { generate } = await ask(status(401, "no"));
    const error = (await generate().catch((thrown: unknown) => thrown)) as KimiError;
    expect(`${error.message} ${error.hint}`).not.toContain("secret-key");
  });

  test("a quota that is used up is not tried again", async () => {
    const { endpoint, generate } = await ask(
      status(429, '{"error": {"message": "You exceeded your current quota"}}'),
      { retries: 3 },
    );
    await expect(generate()).rejects.toMatchObject({ code: "rate-limited" });
    expect(endpoint.requests).toHaveLength(1);
  });

  test("nothing listens", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const engine = await openRemote(protocol, `http://127.0.0.1:${port}/v1`);
    await expect(collect(engine.generate(short()))).rejects.toMatchObject({
      code: "unreachable",
      exitCode: 75,
    });
  });

  test("what listens speaks no HTTP", async () => {
    const server = createServer((socket) =>
      socket.on("error", () => {}).end("SSH-2.0-OpenSSH_9.2\r\n"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const engine = await openRemote(
      "chat",
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    );
    await expect(collect(engine.generate(short()))).rejects.toMatchObject({
      code: "unreachable",
      exitCode: 75,
    });
  });

  test("no connection within its time", async () => {
    // Nothing answers there (RFC 5737); without a route the refusal comes at once.
    const timers = { connectMs: 50, firstTokenMs: 5_000, idleMs: 5_000 };
    const engine = await openRemote(protocol, "http://192.0.2.1:9/v1", { timers });
    await expect(collect(engine.generate(short()))).rejects.toMatchObject({
      code: expect.stringMatching(/connect-timeout|unreachable/) as string,
      exitCode: 75,
    });
  });

  const timers = { connectMs: 5_000, firstTokenMs: 60, idleMs: 60 };

  test("no reply within its time", async () => {
    const { generate } = await ask(() => {}, { timers });
    await expect(generate()).rejects.toMatchObject({ code: "first-token-timeout", exitCode: 75 });
  });

  test("a stream that stalls", async () => {
    const { generate } = await ask(
      (response) => {
        startEvents(response);
        response.write(say("so"));
      },
      { timers: { ...timers, firstTokenMs: 5_000 } },
    );
    await expect(generate()).rejects.toMatchObject({ code: "stalled", exitCode: 75 });
  });

  test("a stream that stalls before its first piece", async () => {
    const { generate } = await ask((response) => startEvents(response), { timers });
    await expect(generate()).rejects.toMatchObject({ exitCode: 75 });
  });

  test("a stream of nothing but comments", async () => {
    const { generate } = await ask(
      (response) => {
        startEvents(response);
        const timer = setInterval(() => response.write(": ping\n\n"), 20);
        response.on("close", () => clearInterval(timer));
      },
      { timers: { connectMs: 5_000, firstTokenMs: 200, idleMs: 5_000 } },
    );
    await expect(generate()).rejects.toMatchObject({ code: "stalled", exitCode: 75 });
  });

  test("an error in another shape", async () => {
    const { generate } = await ask(
      stream(event({ object: "error", message: "no memory" }), event("[DONE]")),
    );
    await expect(generate()).rejects.toMatchObject({
      code: "server-error",
      message: expect.stringContaining("no memory") as string,
    });
  });

  test("torn JSON", async () => {
    const { generate } = await ask(stream('data: {"choices": [{"delta"\n\n'));
    await expect(generate()).rejects.toMatchObject({ code: "torn-json", exitCode: 1 });
  });

  test("a page that is no JSON", async () => {
    const { generate } = await ask(
      status(200, "<html>login</html>", { "content-type": "text/html" }),
    );
    await expect(generate()).rejects.toMatchObject({ code: "closed-early" });
  });

  test("a stream that ends too early", async () => {
    const { generate } = await ask(stream(say("The answer is")));
    await expect(generate()).rejects.toMatchObject({ code: "closed-early", exitCode: 1 });
  });

  test("a connection that breaks off", async () => {
    const { generate } = await ask((response) => {
      startEvents(response);
      response.write(say("The answer is"), () => response.destroy());
    });
    await expect(generate()).rejects.toMatchObject({ code: "connection-lost", exitCode: 1 });
  });

  test("an error in the stream", async () => {
    const { generate } = await ask(
      stream(say("The"), event({ error: { message: "out of memory" } })),
    );
    await expect(generate()).rejects.toMatchObject({
      code: "server-error",
      message: expect.stringContaining("out of memory") as string,
    });
  });
});

describe.each(protocols)("with %s a passing failure", (protocol) => {
  const { ask } = asker(protocol);
  const { say, done } = wire[protocol];

  const good = stream(say("hi"), done);

  test("is tried again, and shown", async () => {
    const { endpoint, generate } = await ask([status(503, "busy", { "retry-after": "0" }), good], {
      retries: 2,
    });
    const events = await generate();
    expect(said(events).text).toBe("hi");
    expect(endpoint.requests).toHaveLength(2);
    expect(events[0]).toMatchObject({
      type: "progress",
      phase: "retry",
      done: 1,
      total: 2,
      detail: expect.stringMatching(/overloaded .*trying again in 0.0 s/) as string,
    });
  });

  test("that lasts is an error in the end", async () => {
    const { endpoint, generate } = await ask(status(503, "busy", { "retry-after": "0" }), {
      retries: 2,
    });
    await expect(generate()).rejects.toMatchObject({ code: "overloaded", exitCode: 75 });
    expect(endpoint.requests).toHaveLength(3);
  });

  test("is not tried again after something was shown", async () => {
    const broken: RawReply = (response) => {
      startEvents(response);
      response.write(say("hi"), () => response.destroy());
    };
    const { endpoint, generate } = await ask([broken, good], { retries: 2 });
    await expect(generate()).rejects.toMatchObject({ code: "connection-lost" });
    expect(endpoint.requests).toHaveLength(1);
  });

  test("of a stream that broke before anything was shown is tried again", async () => {
    const broken: RawReply = (response) => {
      startEvents(response);
      response.write(say(""), () => response.destroy());
    };
    const { generate } = await ask([broken, good], { retries: 1 });
    expect(said(await generate()).text).toBe("hi");
  });

  test("whose wait is too long is not waited for, and says how long", async () => {
    const { endpoint, generate } = await ask(status(429, "slow down", { "retry-after": "1152" }), {
      retries: 3,
    });
    await expect(generate()).rejects.toMatchObject({
      exitCode: 75,
      hint: "It asks to wait 1152 s.",
    });
    expect(endpoint.requests).toHaveLength(1);
  });

  test("is left at once when the run is interrupted during the wait", async () => {
    const endpoint = await startEndpoint(protocol, [status(503, "busy", { "retry-after": "50" })]);
    const engine = await openRemote(protocol, endpoint.url, { retries: 3 });
    const controller = new AbortController();
    const reason = new Error("stop");
    const run = async (): Promise<void> => {
      for await (const { type } of engine.generate(short({ signal: controller.signal }))) {
        if (type === "progress") setImmediate(() => controller.abort(reason));
      }
    };
    await expect(run()).rejects.toBe(reason);
  });
});
