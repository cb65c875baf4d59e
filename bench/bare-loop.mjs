// The baseline of the remote benchmarks: what a person would write by hand for one streamed answer.
const [url, prompt] = process.argv.slice(2);
const { request } = process.getBuiltinModule("node:http");
const body = JSON.stringify({
  model: "bench",
  messages: [{ role: "user", content: prompt }],
  stream: true,
});
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
const client = request(`${url}/chat/completions`, { method: "POST", headers }, (response) => {
  let rest = "";
  response.setEncoding("utf8");
  response.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const content = JSON.parse(line.slice(6)).choices[0]?.delta.content;
      if (content) process.stdout.write(content);
    }
  });
  response.on("end", () => process.stdout.write("\n"));
});
client.end(body);
