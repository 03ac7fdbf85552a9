"""`hil report`: the report of a judged campaign."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--pdf", is_flag=True, help="Make report.pdf too.")
@click.option("--all", "everything", is_flag=True, help="All cases in the PDF, not only a sample of those that passed.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the files; DIR/report if not said."
)
def report(folder: Path, pdf: bool, everything: bool, out: Path | None) -> None:
    """Make report.html and application.html of the campaign in DIR, which `hil judge` has judged.

    Each file needs nothing else: no network and no other file. Exit codes: 0 done, 2 nothing to report.
    """
    from hil.report.folder import FolderRecords, NotJudgedError, read_results  # numpy and h5py: not for other commands
    from hil.report.write import write_report

    if everything and not pdf:
        raise click.UsageError("--all is for the PDF: say --pdf too; the HTML always has all cases")
    try:
        result = read_results(folder)
    except NotJudgedError as error:
        raise click.ClickException(str(error)) from None
    written = write_report(
        result, FolderRecords(folder=folder), out or folder / "report", pdf=pdf, everything=everything
    )
    for path in written.files:
        click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
