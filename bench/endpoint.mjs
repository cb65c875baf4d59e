// A chat-completions endpoint in a process of its own. The prompt says how many tokens to stream, and
// perhaps how many a second: "5000", "5000 at 500". Sixty are a paragraph; the last one is "theend".
import { createServer } from "node:http";

const chunk = (delta, reason = null) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "bench", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;

const token = (index, count) =>
  index === count - 1 ? "theend" : `tok${index % 10}${index % 60 === 59 ? "\n\n" : " "}`;

const server = createServer((request, response) => {
  if (request.method !== "POST") return response.writeHead(404).end();
  let body = "";
  request.on("data", (text) => (body += text));
  request.on("end", () => {
    const { content } = JSON.parse(body).messages.at(-1);
    const [count, perSecond = Infinity] = content.split(" at ").map(Number);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const started = performance.now();
    let sent = 0;
    const more = () => {
      const due = Math.min(count, ((performance.now() - started) / 1000) * perSecond);
      while (sent < due) {
        let text = "";
        // As a server does: a few tokens a write, if there are any.
        for (let i = 0; i < 4 && sent < due; i++, sent++)
          text += chunk({ content: token(sent, count) });
        if (!response.write(text)) return response.once("drain", more);
      }
      if (sent < count) return setTimeout(more, 1);
      const usage = { prompt_tokens: 1, completion_tokens: count };
      response.end(
        `${chunk({}, "stop")}data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`,
      );
    };
    response.write(chunk({ role: "assistant", content: "" }));
    more();
  });
});
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("disconnect", () => process.exit());
