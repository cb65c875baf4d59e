"""What stands in for a GPU while an engine builds its parser. The parser itself stays the engine's own."""

import importlib.machinery
import os
import sys
import types

_used = []

# What is run after the arguments are parsed, and needs a GPU as soon as it is imported.
_run_later = {
    "sglang": ["sglang.srt.entrypoints.http_server"],
    "ktransformers": ["sglang.srt.entrypoints.http_server"],
}


def used():
    return _used


def install(engine, source=None):
    _load_compiled_modules_without_their_libraries()
    later = set(_run_later.get(engine, []))
    sys.meta_path.insert(0, _Empties(lambda name: name in later))
    if source is not None:
        sys.meta_path.insert(0, _Empties(_is_no_part_of_parsing))
    if engine == "vllm":
        _a_device_for_vllm()


def _load_compiled_modules_without_their_libraries():
    """A module compiled for CUDA that cannot be loaded (no libcuda.so.1) is empty instead: it has no part in parsing."""
    loader = importlib.machinery.ExtensionFileLoader
    create, execute = loader.create_module, loader.exec_module
    empty = set()

    def create_or_stand_in(self, spec):
        try:
            return create(self, spec)
        except ImportError:
            empty.add(spec.name)
            _used.append(spec.name)
            return types.ModuleType(spec.name)

    def execute_unless_empty(self, module):
        if module.__name__ not in empty:
            execute(self, module)

    loader.create_module = create_or_stand_in
    loader.exec_module = execute_unless_empty


def _a_device_for_vllm():
    """vLLM builds no parser where it finds no device: it is told that there is CUDA, and nothing more."""
    import vllm.platforms
    from vllm.platforms.interface import UnspecifiedPlatform

    class Cuda(UnspecifiedPlatform):
        device_type = "cuda"

    vllm.platforms._current_platform = Cuda()
    _used.append("the GPU")


# Of TensorRT-LLM's source only these are read: the program, and the names of the parsers to choose from.
_read_from_source = (
    "tensorrt_llm.commands.serve",
    "tensorrt_llm.llmapi.reasoning_parser",
    "tensorrt_llm.serve.tool_parser",
)


def _is_no_part_of_parsing(name):
    if name.partition(".")[0] in ("torch", "transformers"):
        return True
    return name.startswith("tensorrt_llm") and not name.startswith(_read_from_source)


class _Empties:
    """Finds modules that are not loaded: whatever is taken from them does nothing."""

    def __init__(self, is_empty):
        self.is_empty = is_empty

    def find_spec(self, name, path=None, target=None):
        if not self.is_empty(name):
            return None
        spec = importlib.machinery.ModuleSpec(name, self, is_package=True)
        # What is read from a source stands inside packages that are not.
        spec.submodule_search_locations = [
            os.path.join(folder, *name.split(".")) for folder in sys.path[:1]
        ]
        return spec

    def create_module(self, spec):
        _used.append(spec.name)
        return _Empty(spec.name)

    def exec_module(self, module):
        pass


class _Empty(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing()


class _Nothing:
    def __init__(self, *args, **kwargs):
        pass

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs):
        return self

    def __getitem__(self, key):
        return self

    def __or__(self, other):
        return self

    __ror__ = __or__

    def __iter__(self):
        return iter(())
