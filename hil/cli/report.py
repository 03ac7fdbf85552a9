"""`hil report`: the report of a judged campaign."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("record", type=PATH)
@click.option("--pdf", is_flag=True, help="Make report.pdf too.")
@click.option("--all", "everything", is_flag=True, help="All cases in the PDF, not only a sample of those that passed.")
@click.option("--out", type=PATH, help="Folder for the files; RECORD/report if not said, beside it for a zip.")
def report(record: Path, pdf: bool, everything: bool, out: Path | None) -> None:
    """Make report.html and application.html of a campaign's folder or bundle, which `hil judge` has judged.

    Each file needs nothing else: no network and no other file. Exit codes: 0 done, 2 usage, or nothing to report.
    """
    from hil.cli.judged import opened, read_results  # numpy and h5py: not for other commands
    from hil.record.recording import RecordingError
    from hil.report.folder import FolderRecords
    from hil.report.write import write_report

    if everything and not pdf:
        raise click.UsageError("--all is for the PDF: say --pdf too; the HTML always has all cases")
    target = out or (record / "report" if record.is_dir() else record.with_name(f"{record.stem}-report"))
    try:
        with opened(record) as folder:
            result = read_results(folder)
            written = write_report(result, FolderRecords(folder=folder), target, pdf=pdf, everything=everything)
    except RecordingError as error:
        raise click.ClickException(str(error)) from None
    for path in written.files:
        click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
