// The baseline of the terminal benchmark: a chat as one would write it with Ink in an afternoon. Finished
// paragraphs go to the scrollback, the one that streams and the input are drawn below.
import { request } from "node:http";
import { Box, render, Static, Text, useInput } from "ink";
import { createElement as h, useState } from "react";

const [url] = process.argv.slice(2);

function ask(prompt, onText, onEnd) {
  const body = JSON.stringify({
    model: "bench",
    messages: [{ role: "user", content: prompt }],
    stream: true,
  });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const options = { method: "POST", headers };
  const client = request(`${url}/chat/completions`, options, (response) => {
    let rest = "";
    response.setEncoding("utf8");
    response.on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
        const content = JSON.parse(line.slice(6)).choices[0]?.delta.content;
        if (content) onText(content);
      }
    });
    response.on("end", onEnd);
  });
  client.end(body);
}

function Chat() {
  const [{ finished, streaming }, setShown] = useState({ finished: [], streaming: "" });
  const [input, setInput] = useState("");
  const add = (text) =>
    setShown((shown) => {
      const paragraphs = (shown.streaming + text).split("\n\n");
      const last = paragraphs.pop();
      const more = paragraphs.map((paragraph) => `${paragraph}\n`);
      return { finished: [...shown.finished, ...more], streaming: last };
    });
  useInput((text, key) => {
    if (key.return) {
      add(`> ${input}\n\n`);
      ask(input, add, () => add("\n\n"));
      setInput("");
    } else if (key.backspace) setInput((old) => old.slice(0, -1));
    else if (!key.ctrl && !key.meta) setInput((old) => old + text);
  });
  return h(
    Box,
    { flexDirection: "column" },
    h(Static, { items: finished }, (text, index) => h(Text, { key: index }, text)),
    streaming === "" ? null : h(Text, null, streaming),
    h(Text, null, "❯ ", input, h(Text, { inverse: true }, " ")),
  );
}

render(h(Chat));
