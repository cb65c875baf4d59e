"""What a click command accepts, as data in the shape of describe_argparse."""

import click

from describe_argparse import loosest_type


def describe_click(command, subcommands):
    for name in subcommands:
        command = command.commands[name]
    flags = []
    positionals = []
    for parameter in [*command.params, *help_option(command)]:
        if isinstance(parameter, click.Option):
            names = [*parameter.opts, *parameter.secondary_opts]
            flags.append({"names": names, **describe_parameter(parameter)})
        else:
            positionals.append({"name": parameter.name, **describe_parameter(parameter)})
    return {"dialect": "click", "positionals": positionals, "flags": flags}


def help_option(command):
    option = command.get_help_option(click.Context(command))
    return [] if option is None or option in command.params else [option]


def describe_parameter(parameter):
    described = {"takes": takes_of(parameter)}
    choices = {str(getattr(choice, "value", choice)) for choice in getattr(parameter.type, "choices", ())}
    choices |= set(getattr(parameter.type, "aliases", ()))  # TensorRT-LLM's own
    if isinstance(parameter.type, click.types.BoolParamType) and described["takes"] != 0:
        choices = {"0", "1", "false", "no", "off", "on", "true", "yes"}
    if described["takes"] != 0:
        described["type"] = "text" if choices else type_of(parameter.type)
    if choices:
        described["choices"] = sorted(choices)
    if parameter.required and isinstance(parameter, click.Option):
        described["required"] = True
    if getattr(parameter, "deprecated", False) or is_said_deprecated(parameter):
        described["deprecated"] = True
    return described


def is_said_deprecated(parameter):
    return (getattr(parameter, "help", None) or "").lstrip(" ([*:").lower().startswith("deprecated")


def takes_of(parameter):
    if getattr(parameter, "is_flag", False) or getattr(parameter, "count", False):
        return 0
    if parameter.nargs == -1:
        return "+" if parameter.required else "*"
    if isinstance(parameter, click.Argument) and not parameter.required:
        return "?"
    return parameter.nargs


def type_of(kind):
    def accepts(word):
        try:
            kind.convert(word, None, None)
        except click.BadParameter:
            return False
        return True

    return loosest_type(accepts)
