"""Asks an engine's own argument parser what it accepts.

Run by scripts/engine-flags.ts with the Python of a venv that has the engine. Standard input: JSON,
  {"engine": "vllm", "programs": [["vllm", "serve"], …], "packages": ["vllm", …]}
                                                                    lists what each program accepts, or
  {"engine": "vllm", "programs": [["vllm", "serve"]], "argv": […]}  lets the first one parse each argv.
The last line of standard output: JSON.

A program is started as a shell would start it, and stopped when it hands its arguments to argparse or
click: the parser that it then has is the one that is asked. Programs that are not installed are left out.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import json
import runpy
import sys

import stand_ins
from describe_argparse import describe_argparse
from describe_click import describe_click


# Of an engine that is there as source only, what its console script starts.
FROM_SOURCE = {"trtllm-serve": "tensorrt_llm.commands.serve"}


class Stopped(BaseException):
    """Not an Exception, so that no program handles it."""

    def __init__(self, parser):
        self.parser = parser


def stop_at_the_parser():
    """Makes every program stop at its parser. Parsers of a few options are not the program's, but of a library."""
    import argparse

    parse = argparse.ArgumentParser.parse_known_args

    def stop(self, *args, **kwargs):
        if self._subparsers is not None or len(self._actions) > 8:
            raise Stopped(self)
        return parse(self, *args, **kwargs)

    argparse.ArgumentParser.parse_known_args = stop

    def let_go():
        argparse.ArgumentParser.parse_known_args = parse

    try:
        import click
    except ImportError:
        return let_go

    def stop_click(self, *args, **kwargs):
        raise Stopped(self)

    click.Command.main = stop_click
    click.Group.main = stop_click
    return let_go


def is_installed(program):
    if program[0] != "python" and program[0] not in FROM_SOURCE:
        return bool(importlib.metadata.entry_points(group="console_scripts", name=program[0]))
    try:
        return importlib.util.find_spec(FROM_SOURCE.get(program[0]) or program[2]) is not None
    except ModuleNotFoundError:
        return False


def parser_of(program):
    """Starts `python -m MODULE` or a console script; returns what it would parse its arguments with."""
    let_go = stop_at_the_parser()
    words = program[3:] if program[0] == "python" else program[1:]
    sys.argv = [program[0], *words]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            module = program[2] if program[0] == "python" else FROM_SOURCE.get(program[0])
            if module is not None:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                (script,) = importlib.metadata.entry_points(group="console_scripts", name=program[0])
                script.load()()
    except Stopped as stopped:
        return stopped.parser
    finally:
        let_go()
    raise SystemExit(f"{' '.join(program)} came to its end without parsing anything")


def is_click(parser):
    return not hasattr(parser, "_option_string_actions")


def describe(program):
    parser = parser_of(program)
    subcommands = program[3:] if program[0] == "python" else program[1:]
    return describe_click(parser, subcommands) if is_click(parser) else describe_argparse(parser, subcommands)


def errors_of(parser, argv):
    """What the parser says against `argv`, the arguments after the program's name; None if nothing."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            if is_click(parser):
                parse_with_click(parser, list(argv))
            else:
                parser.parse_args(list(argv))
    except SystemExit as end:
        if end.code not in (0, None):
            lines = said.getvalue().strip().splitlines() or [str(end.code)]
            return lines[-1]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def parse_with_click(command, argv):
    context = command.make_context(command.name, argv)
    while hasattr(command, "resolve_command"):
        rest = [*getattr(context, "_protected_args", getattr(context, "protected_args", [])), *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def versions_of(packages):
    found = {}
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def main():
    question = json.load(sys.stdin)
    if "source" in question:
        sys.path.insert(0, question["source"])
    stand_ins.install(question["engine"], question.get("source"))
    programs = [program for program in question["programs"] if is_installed(program)]
    if "argv" in question:
        parser = parser_of(programs[0])
        answer = [errors_of(parser, argv) for argv in question["argv"]]
    else:
        answer = {
            "commands": {" ".join(program): describe(program) for program in programs},
            "standIns": stand_ins.used(),
            "versions": versions_of(question["packages"]),
        }
    print("\n" + json.dumps(answer))


main()
