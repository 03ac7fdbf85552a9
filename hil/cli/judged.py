"""Campaign folders and bundles as `judge`, `verify`, `compare` and `log` share them: results on disk and zip files.

A bundle is a zip of a campaign's folder: campaign.json, journal.jsonl, results.json and every run with its manifest.
The same folder gives the same bytes.
"""

import contextlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

from hil.profile.model import Case
from hil.record.codec import CodecError, from_json, to_json
from hil.record.durable import write_whole
from hil.record.folder import CAMPAIGN, list_runs, read_campaign, read_run
from hil.record.recording import RecordingError
from hil.verdict.campaign import assembled, gauges_of_campaign
from hil.verdict.gauges import Gauges
from hil.verdict.model import RESULTS_SCHEMA, CampaignResult, RunResult
from hil.verdict.run import judge_run

RESULTS = "results.json"
EARLIER = re.compile(r"results-(\d{1,9})\.json")
EARLIER_MAX = 20  # results are made again from the records whenever they are wanted
JOURNAL = "journal.jsonl"
BUNDLE_FILES_MAX = 200_000  # ten thousand runs of a dozen files
BUNDLE_BYTES_MAX = 20_000_000_000  # a week of waveforms; a zip may hold a thousand times its own size
BUNDLE_DAY = (2000, 1, 1, 0, 0, 0)  # files in a bundle have no time: the same content is the same bundle
CHUNK_BYTES = 1 << 20
LEAST_FOR_JOBS = 4  # a process takes half a second to start, a run some 0.1 s to judge


def judge_folder(folder: Path, jobs: int = 1) -> CampaignResult:
    """Every case of a campaign's folder, judged from its runs; each of `jobs` processes has one record in memory.

    Raises:
        RecordingError: there is no campaign, or a run was changed since it was recorded.
    """
    campaign = read_campaign(folder)
    paths, gauges = list_runs(folder), gauges_of_campaign(campaign)
    one = partial(_measured, gauges=gauges)
    if jobs == 1 or len(paths) < LEAST_FOR_JOBS:
        return assembled(campaign, map(one, paths))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = pool.map(_measured_or_none, paths, repeat(gauges), chunksize=4)
        measured = (each or one(path) for path, each in zip(paths, found, strict=True))
        return assembled(campaign, measured)


def _measured(path: Path, gauges: Gauges) -> tuple[Case, RunResult]:
    run = read_run(path)
    return run.case, judge_run(run, gauges)


def _measured_or_none(path: Path, gauges: Gauges) -> tuple[Case, RunResult] | None:
    """In another process; what cannot be read is read again by the caller, who tells why."""
    try:
        return _measured(path, gauges)
    except RecordingError:
        return None


def results_text(result: CampaignResult) -> str:
    """results.json as text."""
    return to_json(result, RESULTS_SCHEMA)


def write_results(folder: Path, result: CampaignResult) -> bool:
    """Write results.json; another one that is there is kept as results-N.json, the newest of them with the largest N.

    Returns whether anything was written: the same result leaves the folder as it is.
    """
    path, content = folder / RESULTS, results_text(result).encode()
    if path.exists():
        if path.read_bytes() == content:
            return False
        kept = sorted((int(m[1]), each) for each in folder.iterdir() if (m := EARLIER.fullmatch(each.name)))
        for _, old in kept[: max(0, len(kept) + 1 - EARLIER_MAX)]:
            old.unlink()
        path.rename(folder / f"results-{kept[-1][0] + 1 if kept else 1}.json")
    write_whole(path, content)
    return True


def read_results(folder: Path) -> CampaignResult:
    """What `write_results` wrote.

    Raises:
        RecordingError: there is none, or it cannot be understood.
    """
    path = folder / RESULTS
    try:
        return from_json(CampaignResult, path.read_text(encoding="utf-8"), RESULTS_SCHEMA)
    except FileNotFoundError:
        raise RecordingError(path, 0, "is not there", f"make it with `hil judge {folder}`") from None
    except (CodecError, UnicodeDecodeError) as error:
        raise RecordingError(path, 0, str(error), f"make it again with `hil judge {folder}`") from None


def plain_results(folder: Path) -> dict[str, object]:
    """results.json as JSON says it, for a comparison that knows no schema.

    Raises:
        RecordingError: there is none, or it is no JSON object.
    """
    path = folder / RESULTS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(path, 0, f"cannot be read: {error}", f"make it with `hil judge {folder}`") from None
    if not isinstance(found, dict):
        raise RecordingError(path, 0, "is no object of JSON", f"make it again with `hil judge {folder}`")
    return found


def write_bundle(folder: Path, target: Path) -> None:
    """Everything that is needed to judge a campaign again, as one zip file."""
    wanted = [folder / name for name in (CAMPAIGN, JOURNAL, RESULTS) if (folder / name).is_file()]
    wanted += [file for run in list_runs(folder) for file in sorted(run.iterdir()) if file.is_file()]
    beside = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as bundle:
            for file in wanted:
                info = zipfile.ZipInfo(file.relative_to(folder).as_posix(), BUNDLE_DAY)
                info.external_attr, info.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
                with file.open("rb") as source, bundle.open(info, "w", force_zip64=True) as sink:
                    while chunk := source.read(CHUNK_BYTES):
                        sink.write(chunk)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def opened(bundle: Path) -> Iterator[Path]:
    """The folder of a campaign: a folder itself, or a zip that is unpacked for as long as it is needed.

    Raises:
        RecordingError: it is neither, or a zip that writes outside its folder or has no bounds.
    """
    if bundle.is_dir():
        yield bundle
        return
    with tempfile.TemporaryDirectory(prefix="hil-bundle-") as place:
        folder = Path(place)
        try:
            _unpack(bundle, folder)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            what = f"cannot be unpacked: {error}"
            raise RecordingError(
                bundle, 0, what, "give a campaign's folder, or a bundle of `hil judge --zip`"
            ) from None
        inside = sorted(path.parent for path in folder.glob(f"*/{CAMPAIGN}"))
        yield inside[0] if not (folder / CAMPAIGN).exists() and inside else folder


def _unpack(bundle: Path, folder: Path) -> None:
    left = BUNDLE_BYTES_MAX
    with zipfile.ZipFile(bundle) as files:
        members = files.infolist()
        if len(members) > BUNDLE_FILES_MAX:
            raise zipfile.BadZipFile(f"{len(members)} files are too many")
        for member in members:
            name = PurePosixPath(member.filename)
            if name.is_absolute() or ".." in name.parts or "\\" in member.filename or not name.parts:
                raise zipfile.BadZipFile(f"{member.filename!r} lies outside the bundle")
            if member.is_dir():
                continue
            target = folder.joinpath(*name.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with files.open(member) as source, target.open("xb") as sink:
                while chunk := source.read(CHUNK_BYTES):
                    left -= len(chunk)
                    if left < 0:
                        raise zipfile.BadZipFile(f"more than {BUNDLE_BYTES_MAX} bytes")
                    sink.write(chunk)
