"""llama.cpp's convert_hf_to_gguf.py on a checkpoint that has no Python tokenizer.

Usage: reference-convert.py LLAMA_CPP CHECKPOINT --outfile OUT --outtype TYPE

A checkpoint of Moonshot brings tokenization_kimi.py, which the script runs. A made-up one does not, so what
the script asks of it is answered here; and its vocabulary is not one whose hash the script knows. All else,
and all that takes time, is the script's own.
"""

import base64
import json
import pathlib
import runpy
import sys
import types

source = pathlib.Path(sys.argv[1])
sys.path[:0] = [str(source), str(source / "gguf-py")]

import transformers  # noqa: E402
from conversion.base import TextModel  # noqa: E402


def tokenizer(folder, **_):
    folder = pathlib.Path(folder)
    lines = (line.split() for line in (folder / "tiktoken.model").read_text().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    added = json.loads((folder / "tokenizer_config.json").read_text())["added_tokens_decoder"]
    places = range(len(ranks), len(ranks) + 256)
    names = {i: added.get(str(i), {}).get("content", f"<|reserved_token_{i}|>") for i in places}
    return types.SimpleNamespace(
        model=types.SimpleNamespace(_mergeable_ranks=ranks),
        special_tokens={name: i for i, name in names.items()},
    )


transformers.AutoTokenizer = types.SimpleNamespace(from_pretrained=tokenizer)
TextModel.get_vocab_base_pre = lambda *_: "kimi-k2"

del sys.argv[1]
runpy.run_path(str(source / "convert_hf_to_gguf.py"), run_name="__main__")
