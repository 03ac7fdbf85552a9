"""`hil export`: the tables of a controller's journal as Parquet."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Where to; beside the CSV files if not said."
)
def export(folder: Path, out: Path | None) -> None:
    """Make Parquet of the CSV files that `pcs journal export DIR --out FOLDER` wrote.

    Numbers are exact, empty cells are null, and every column has its unit in the metadata of its field.
    """
    from hil.record.parquet_file import TABLES, to_parquet  # not at the top: pyarrow is large, and others do without
    from hil.record.recording import RecordingError

    sources = [path for name in TABLES if (path := folder / f"{name}.csv").is_file()]
    if not sources:
        raise click.UsageError(
            f"{folder} holds none of {', '.join(f'{name}.csv' for name in TABLES)}; "
            f"make them with `pcs journal export DIR --out {folder}`"
        )
    target = out or folder
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        try:
            rows = to_parquet(source, target / f"{source.stem}.parquet")
        except RecordingError as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{target / source.stem}.parquet: {rows} rows", err=True)
