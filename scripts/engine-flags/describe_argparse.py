"""What an argparse parser accepts, as data."""

import argparse

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
        described["type"] = type_of(parser, action)
    if action.choices is not None:
        choices = sorted(str(choice) for choice in action.choices if can_be_chosen(action, choice))
        if len(choices) <= MANY_CHOICES or action.dest.endswith("_parser"):
            described["choices"] = choices
    if action.option_strings and action.required:
        described["required"] = True
    if is_deprecated(parser, action):
        described["deprecated"] = True
        described |= refusal(parser, action)
    return described


def can_be_chosen(action, choice):
    """vLLM 0.12 listed the text None, which its type then read as no value at all, and refused."""
    return not callable(action.type) or (
        takes_type(action, str(choice)) and action.type(str(choice)) in action.choices
    )


def takes_of(action):
    """How many values: a number, or "?", "*", "+"."""
    if action.nargs is not None:
        return {argparse.REMAINDER: "*", argparse.PARSER: "+"}.get(action.nargs, action.nargs)
    return 1


SAMPLES = {
    "text": ["some-word"],
    "json": ['{"a": 1}', "{}", "[]"],
    "size": ["1k"],
    "float": ["1.5"],
    "int": ["1"],
}


def loosest_type(accepts):
    """Found by trying: the first of text, json, size (1k), float and int of which a sample is accepted."""
    for name, samples in SAMPLES.items():
        if any(accepts(sample) for sample in samples):
            return name
    return "text"


def type_of(parser, action):
    if action.choices is not None:
        return "text" if action.type in (None, str) else loosest_type(lambda word: takes_type(action, word))
    return loosest_type(lambda word: takes_type(action, word) and takes_action(parser, action, word))


def takes_type(action, word):
    if not callable(action.type):
        return True
    try:
        action.type(word)
    except (TypeError, ValueError, argparse.ArgumentTypeError):
        return False
    return True


def takes_action(parser, action, word):
    """Some actions of the engines' own look at the value, too."""
    if type(action).__module__ == "argparse" or is_deprecated(parser, action):
        return True
    value = action.type(word) if callable(action.type) else word
    told = complaint(parser, action, value if action.nargs in (None, "?") else [value])
    return told is None


def complaint(parser, action, value):
    """What an action says against a value."""
    told = []

    def note(message):
        told.append(message)
        raise ValueError(message)

    say, parser.error = parser.error, note
    try:
        names = action.option_strings or [action.dest]
        action(parser, argparse.Namespace(**{action.dest: None}), value, names[0])
    except (TypeError, ValueError, argparse.ArgumentError) as error:
        told = told or [str(error)]
    finally:
        parser.error = say
    return " ".join(told[0].split()) if told else None


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
    told = complaint(parser, action, value)
    return {} if told is None else {"refused": told}
