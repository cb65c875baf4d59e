import * as fc from "../../../support/fast-check.ts";

const fragments = [
  "- ",
  "* ",
  "1. ",
  "2) ",
  "> ",
  "```",
  "~~~",
  "ts\n",
  "# ",
  "**",
  "*",
  "_",
  "`",
  "~~",
  "\\",

  "\n",
  "\n\n",
  "  ",
  "    ",
  "\t",
  "\r\n",
  "\r",
  "|",
  "|---|---|\n",
  "a | b\n",
  "---\n",
  "===",
  "[a](http://x.y)",
  "![i](u)",
  "https://a.b/c",
  "[x] ",
  "[ ] ",
  "[1]: u",
  "<div>",
  "<!--",

  "-->",
  "<br>",
  "&amp;",
  "&#27;",
  "&#32;",
  "\u001B[31m",
  "\u009B",
  "\u202E",
  "\u2066",
  "\u2028",

  "你好",
  "。",
  "）",
  "「",
  "ｶﾞ",
  "각",
  "\u1100\u1161",
  "क्षि",
  "👩‍👩‍👧‍👦",
  "🇨🇳",
  "🇨",
  "e\u0301",
  "\u0301",
  "\uFE0F",
  "\u200D",
  "\uD83D",
  "\uDE00",
  "word ",
  "longwordlongwordlongword",
  "const x = `a",
  "/*",
  "*/",
];

/** Text made of what Markdown and terminals take for something, and of anything else. */
export const anyText = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...fragments) },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));

/** Lengths of the pieces that a text is cut in, taken in turn. */
export const anyCuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });

export function piecesOf(text: string, lengths: readonly number[]): string[] {
  const pieces: string[] = [];
  for (let at = 0, index = 0; at < text.length; index++) {
    const length = lengths[index % lengths.length] ?? 1;
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

const answer = `# 旅行计划 🗺️

下面是**北京：**三天的行程，每天大约 10~12 公里。详情见[官网](https://example.com/北京)。
第二行继续，*不要*忘记带护照！

1. 第一天
   - 故宫（需要预约）
   - 景山公园

     日落时分最好。
2. 第二天
   \`\`\`bash
   # 买票
   curl -s https://example.com/tickets | jq '.[]'
   \`\`\`
3. 第三天

- [x] 护照
- [ ] 酒店

> 注意：天气 & 交通。
> > 嵌套引用 👩‍👩‍👧‍👦 🇨🇳

| 项目 | 价格 | Notes |
|:-----|-----:|:-----:|
| 门票 | ¥60 | **must** be booked \\| early |
| 酒店 | ¥450 | near \`station\` |

---

あいうえお、これは日本語の文章です。「括弧」もあります。
`;

const program = `Here is how, in short:

\`\`\`ts
/* A comment
   of lines. */
export function add(one: number, other: number): number {
  return one + other; // sum
}


const text = \`a
b\`;
\`\`\`
That is it. It runs in \`O(n)\`.

## Notes
Some text without a blank line after the heading:
* first
  continued here
* second with ~~old~~ **new**

***

Setext
------
    indented code

    more of it
<details>
<summary>More &amp; more</summary>

Inside.

</details>

![diagram](https://example.com/d.png) and [^1].

[^1]: A footnote.`;

/** Documents such as models write. */
export const documents = { answer, program };
