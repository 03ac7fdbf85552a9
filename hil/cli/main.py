"""The bench's command `hil`: options that every command has, and how errors reach people."""

import json
import logging
import sys
from importlib import import_module

import click

from hil.rig.mistake import BadFileError
from hil.rig.records import BadRecordError

EXIT_CONFIGURATION = 2
EXIT_RIG = 3
EXIT_INTERNAL = 4

COMMANDS = {
    "compare": "hil.cli.compare:compare",
    "demo": "hil.cli.demo:demo",
    "export": "hil.cli.export:export",
    "judge": "hil.cli.judge:judge",
    "lint": "hil.cli.lint:lint",
    "list": "hil.cli.list:list_profiles",
    "log": "hil.cli.log:log",
    "measure": "hil.cli.measure:measure",
    "plan": "hil.cli.plan:plan",
    "report": "hil.cli.report:report",
    "resume": "hil.cli.resume:resume_command",
    "run": "hil.cli.run:run",
    "show": "hil.cli.show:show",
    "twin": "hil.cli.twin:twin",
    "verify": "hil.cli.verify:verify",
}
"""Where each command is. It is loaded when it is called: who lists profiles does not wait for numpy."""

logger = logging.getLogger(__name__)


class _JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"t": record.created, "level": record.levelname.lower(), "name": record.name, "msg": record.getMessage()}
        return json.dumps(line)


class _Commands(click.Group):
    """The commands of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="openpcs", prog_name="hil")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Form of the lines on stderr.")
def cli(verbose: bool, log_format: str) -> None:
    """The bench: simulated sites, test campaigns and verdicts."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else logging.Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 2 configuration or usage, 3 rig, 4 internal."""
    try:
        code = cli(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_CONFIGURATION)
    except click.Abort:
        sys.exit(130)
    except (BadFileError, BadRecordError) as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIGURATION)
    except OSError as error:
        click.echo(f"hil: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""), err=True)
        sys.exit(EXIT_RIG)
    except Exception as error:
        logger.debug("internal error", exc_info=True)
        click.echo(f"hil: internal error: {type(error).__name__}: {error} (run with -v for more)", err=True)
        if logging.getLogger().isEnabledFor(logging.INFO):
            logging.getLogger().exception("internal error")
        sys.exit(EXIT_INTERNAL)


if __name__ == "__main__":
    main()
