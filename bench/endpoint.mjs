// A chat-completions endpoint in a process of its own. The prompt says how many tokens to stream.
import { createServer } from "node:http";

const chunk = (delta, reason = null) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "bench", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (text) => (body += text));
  request.on("end", () => {
    const count = Number(JSON.parse(body).messages.at(-1).content);
    response.writeHead(200, { "content-type": "text/event-stream" });
    let sent = 0;
    // As a server does: a few tokens a write.
    const more = () => {
      while (sent < count) {
        let text = "";
        for (let i = 0; i < 4 && sent < count; i++, sent++)
          text += chunk({ content: `tok${sent % 10} ` });
        if (!response.write(text)) return response.once("drain", more);
      }
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
