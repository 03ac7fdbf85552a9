"""`hil export`: recordings as COMTRADE, CSV, HDF5 or Parquet; tables of a controller's journal as Parquet."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hil.record.export import Kind

TABLES = ("readings", "commands", "events")
"""What `pcs journal export` writes."""


@click.command()
@click.argument("record", type=click.Path(path_type=Path, exists=True))
@click.option("--comtrade", "kind", flag_value="comtrade", help="IEEE C37.111-2013, .cfg and .dat.")
@click.option("--csv", "kind", flag_value="csv", help="For a spreadsheet and `hil measure`.")
@click.option("--hdf5", "kind", flag_value="hdf5", help="Binary, compressed, exact; any HDF5 reader opens it.")
@click.option("--parquet", "kind", flag_value="parquet", help="One table with units; the only kind for a journal.")
@click.option(
    "--form",
    type=click.Choice(["ASCII", "BINARY", "BINARY32", "FLOAT32"], case_sensitive=False),
    default="FLOAT32",
    show_default=True,
    help="Of the .dat of COMTRADE. Old viewers read ASCII and BINARY only.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to; for a record the present one if not said, for a journal's tables their own.",
)
def export(record: Path, kind: str | None, form: str, out: Path | None) -> None:
    """Write the recordings of RECORD in another form.

    RECORD is a campaign's folder (every finished run of it), the folder of one run, or a recording (CSV, COMTRADE,
    HDF5). A folder of CSV files that `pcs journal export DIR --out FOLDER` wrote becomes Parquet.
    """
    from hil.record.export import Kind
    from hil.record.recording import RecordingError

    try:
        if record.is_dir() and any((record / f"{name}.csv").is_file() for name in TABLES):
            if kind not in (None, "parquet"):
                raise click.UsageError(f"{record} holds the tables of a journal, which become --parquet only")
            _tables(record, out or record)
        elif kind is None:
            raise click.UsageError(_what_there_is(record))
        else:
            _recordings(record, Kind(kind), form.upper(), out or Path())
    except RecordingError as error:
        raise click.ClickException(str(error)) from None


def _what_there_is(record: Path) -> str:
    text = "say one of --comtrade, --csv, --hdf5 and --parquet"
    if record.is_dir() and not any((record / name).exists() for name in ("campaign.json", "run.json")):
        text = f"{record} is no campaign and no run, and holds none of {', '.join(f'{name}.csv' for name in TABLES)}"
        text += f" either; make these with `pcs journal export DIR --out {record}`"
    return text


def _recordings(record: Path, kind: "Kind", form: str, out: Path) -> None:
    from hil.record.comtrade_writer import Form
    from hil.record.export import export as export_one
    from hil.record.export import items_of

    for item in items_of(record):
        for path in export_one(item, out, kind, Form(form)):
            click.echo(
                f"{path}: {len(item.recording.t_s)} samples of {len(item.recording.channels)} channels", err=True
            )


def _tables(folder: Path, target: Path) -> None:
    """Numbers are exact, empty cells are null, and every column has its unit in the metadata of its field."""
    from hil.record.parquet_file import to_parquet  # not at the top: pyarrow is large, and others do without

    target.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        if (folder / f"{name}.csv").is_file():
            rows = to_parquet(folder / f"{name}.csv", target / f"{name}.parquet")
            click.echo(f"{target / name}.parquet: {rows} rows", err=True)
