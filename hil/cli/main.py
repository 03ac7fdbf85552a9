"""The bench's command `hil`: options that every command has, and how errors reach people."""

import json
import logging
import sys

import click

from hil.cli.compare import compare
from hil.cli.demo import demo
from hil.cli.export import export
from hil.cli.judge import judge
from hil.cli.lint import lint
from hil.cli.list import list_profiles
from hil.cli.log import log
from hil.cli.measure import measure
from hil.cli.plan import plan
from hil.cli.report import report
from hil.cli.resume import resume_command
from hil.cli.run import run
from hil.cli.show import show
from hil.cli.twin import twin
from hil.cli.verify import verify
from hil.rig.mistake import BadFileError
from hil.rig.records import BadRecordError

EXIT_CONFIGURATION = 2
EXIT_RIG = 3
EXIT_INTERNAL = 4

logger = logging.getLogger(__name__)


class _JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"t": record.created, "level": record.levelname.lower(), "name": record.name, "msg": record.getMessage()}
        return json.dumps(line)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="openpcs", prog_name="hil")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Form of the lines on stderr.")
def cli(verbose: bool, log_format: str) -> None:
    """The bench: simulated sites, test campaigns and verdicts."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else logging.Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)


cli.add_command(compare)
cli.add_command(demo)
cli.add_command(export)
cli.add_command(judge)
cli.add_command(lint)
cli.add_command(list_profiles)
cli.add_command(log)
cli.add_command(measure)
cli.add_command(plan)
cli.add_command(report)
cli.add_command(resume_command)
cli.add_command(run)
cli.add_command(show)
cli.add_command(twin)
cli.add_command(verify)


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
