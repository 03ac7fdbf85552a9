"""`pcs`: finds the command, turns what goes wrong into words and an exit code.

A command is a module `pcs.cli.NAME` with a click command named `command`. It is imported only when it is called, so
that `pcs --help` is quick and the controller carries no library of another command.
"""

import importlib
import json
import sys
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import click

from pcs import __version__
from pcs.cli.exits import Exit
from pcs.cli.logs import set_up

COMMANDS = {
    "run": "Hold the limits of a site.",
    "supervise": "Open a relay when the limits of a site are not held.",
    "check": "Check a site file and say what it means.",
    "status": "Ask the running controller how things stand.",
    "reset-lockout": "End a lock-out, where the preset allows it.",
    "explain": "Say why: what binds, what each DER was told, what comes next.",
    "scan": "Find meters and inverters on a host or a serial bus.",
    "devices": "List the device profiles.",
    "journal": "Verify or export a journal.",
    "replay": "Run the core again on a journal and compare.",
    "dissect": "Explain the frames of a trace.",
}
"""Commands with their one line of help, in the order of the help page. A name without a module is not shown."""


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a common option wherever it was given, before or after the command's name."""
    if value:
        context.find_root().meta[f"pcs.{parameter.name}"] = value
        _set_up(context.find_root())


def _set_up(root: click.Context) -> None:
    set_up(verbose=root.meta.get("pcs.verbose", False), log_format=root.meta.get("pcs.log_format", "text"))


def common_options() -> list[click.Parameter]:
    """The options that every command takes."""
    return [
        click.Option(
            ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_remember, help="Say more, with tracebacks."
        ),
        click.Option(
            ["--log-format"],
            type=click.Choice(["text", "json"]),
            expose_value=False,
            callback=_remember,
            help="Form of the log on stderr.",
        ),
    ]


def _module(name: str) -> str:
    return f"pcs.cli.{name.replace('-', '_')}"


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands of this installation."""
        return [name for name in COMMANDS if find_spec(_module(name)) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with the common options added, None if there is no such command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        if cmd_name not in self.commands:
            command: click.Command = importlib.import_module(_module(cmd_name)).command
            _add_common_options(command)
            self.commands[cmd_name] = command
        return self.commands[cmd_name]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table and not from the modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


def _add_common_options(command: click.Command) -> None:
    taken = {parameter.name for parameter in command.params}
    command.params += [option for option in common_options() if option.name not in taken]
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _add_common_options(inner)


@click.group(cls=LazyGroup, params=common_options(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pcs", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Hold the power at a point of interconnection inside its limits, and say why."""
    _set_up(context.find_root())


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: run a command and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(int(run(given)))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; what goes wrong is told on stderr (with `--json` on stdout)."""
    as_json = "--json" in arguments
    try:
        result = cli.main(args=arguments, prog_name="pcs", standalone_mode=False)
    except click.exceptions.Abort:
        return 128 + 2  # the shell's convention for an end by SIGINT
    except click.ClickException as error:
        if as_json:
            _tell_json("usage", Exit.CONFIG, message=error.format_message())
        else:
            error.show()
        return Exit.CONFIG
    except Exception as error:  # the last edge: whatever else happens is a bug of ours or a configuration error
        return _failed(error, arguments, as_json=as_json)
    return int(result) if isinstance(result, int) else Exit.DONE


def _failed(error: Exception, arguments: list[str], *, as_json: bool) -> int:
    from pcs.config.problems import ConfigError  # not at the top: `pcs --help` needs no YAML and no pydantic

    if isinstance(error, ConfigError):
        if as_json:
            _tell_json("configuration", Exit.CONFIG, problems=[problem.as_dict() for problem in error.problems])
        else:
            click.echo(str(error), err=True)
        return Exit.CONFIG
    message = f"{type(error).__name__}: {error}"
    if as_json:
        _tell_json("internal", Exit.INTERNAL, message=message)
    if {"-v", "--verbose"} & set(arguments):
        click.echo("".join(traceback.format_exception(error)), err=True)
    elif not as_json:
        click.echo(f"pcs: internal error: {message} (run again with -v for the details)", err=True)
    return Exit.INTERNAL


def _tell_json(kind: str, code: Exit, **facts: Any) -> None:
    click.echo(json.dumps({"ok": False, "error": kind, "exit_code": int(code), **facts}, indent=2))


if __name__ == "__main__":
    main()
