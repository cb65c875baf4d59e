"""What an argparse parser accepts, as data."""

import argparse
import json

MANY_CHOICES = 60


def describe_argparse(parser, subcommands):
    dialect = "vllm" if type(parser).__name__ == "FlexibleArgumentParser" else "argparse"
    for name in subcommands:
        (subparsers,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        parser = subparsers.choices[name]
    flags = []
    positionals = []
    for action in parser._actions:
        # Also the names that help does not show, such as --no-enable-x.
        names = [name for name, its in parser._option_string_actions.items() if its is action]
        if names:
            flags.append({"names": names, **describe_action(parser, action)})
        else:
            positionals.append({"name": action.dest, **describe_action(parser, action)})
    return {"dialect": dialect, "positionals": positionals, "flags": flags}


def describe_action(parser, action):
    takes = takes_of(action)
    described = {"takes": takes}
    if takes != 0:
        described["type"] = type_of(action)
    if action.choices is not None:
        choices = sorted(str(choice) for choice in action.choices)
        if len(choices) <= MANY_CHOICES or action.dest.endswith("_parser"):
            described["choices"] = choices
    if action.option_strings and action.required:
        described["required"] = True
    if is_deprecated(parser, action):
        described["deprecated"] = True
        described |= refusal(parser, action)
    return described


def takes_of(action):
    """How many values: a number, or "?", "*", "+"."""
    if action.nargs is not None:
        return {argparse.REMAINDER: "*", argparse.PARSER: "+"}.get(action.nargs, action.nargs)
    return 1


SAMPLES = {"text": "some-word", "json": '{"a": 1}', "size": "1k", "float": "1.5", "int": "1"}


def type_of(action):
    """Found by trying: the loosest of text, json, size (1k), float, int that the type's function takes."""
    read = action.type
    if read is None or read is str or isinstance(read, str):
        return "text"
    for name, sample in SAMPLES.items():
        try:
            read(sample)
        except (TypeError, ValueError, argparse.ArgumentTypeError):
            continue
        return name
    return "text"


def is_deprecated(parser, action):
    said = (action.help or "").lstrip(" ([*:").lower()
    return (
        "Deprecated" in type(action).__name__
        or action in getattr(parser, "_deprecated", ())
        or said.startswith("deprecated")
    )


def refusal(parser, action):
    """Some deprecated flags are still known only in order to be refused with advice."""
    if "Deprecated" not in type(action).__name__:
        return {}
    value = None if action.nargs == 0 else next(iter(action.choices or ["x"]))
    told = []

    def note(message):
        told.append(message)
        raise ValueError(message)

    say, parser.error = parser.error, note
    try:
        action(parser, argparse.Namespace(), value, action.option_strings[0])
    except (ValueError, argparse.ArgumentError) as error:
        told = told or [str(error)]
    finally:
        parser.error = say
    return {"refused": " ".join(told[0].split())} if told else {}
