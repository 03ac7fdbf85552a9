"""Recordings on disk: what is tolerated in a CSV, COMTRADE in its four forms, and what is said of a bad file."""

import struct
from pathlib import Path

import numpy as np
import pytest

from hil.record.recording import Recording, RecordingError, read_recording

ANALOG = np.array([[100, -5, 7], [101, -6, 8], [102, -7, 9], [103, -8, 9]])
STATUS = np.array([0, 0, 1, 1])
CFG = """Barn,logger,1999
4,3A,1D
1,VA,A,,V,0.1,0,0,-32767,32767,100,1,S
2,IA,A,,A,0.01,1.0,0,-32767,32767,1,1,P
3,load,,,kW,1,0,0,-32767,32767,1,1,P
1,contact,,,0
60
1
1000,4
01/01/2026,00:00:00.000000
01/01/2026,00:00:00.001000
{form}
1
"""


def csv(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "r.csv"
    path.write_bytes(text.encode(encoding))
    return path


def said(path: Path) -> str:
    with pytest.raises(RecordingError) as error:
        read_recording(path)
    return str(error.value).replace(str(path.parent) + "/", "")


@pytest.mark.parametrize(
    "text",
    [
        "t_s,a,b\n0,1,2.5\n1,3,-4e3\n",
        "t_s;a;b\n0;1;2,5\n1;3;-4e3\n",
        "t_s\ta\tb\n0\t1\t2,5\n1\t3\t-4e3\n",
        '\ufeff# a comment, with a comma\n\n"t_s", a ,"b"\n0,1,2.5 # inside\n\n1,3,"-4e3"\n# end\n',
        "T_S,a,b\r\n0,1,2.5\r\n1,3,-4e3\r\n",
    ],
)
def test_csv_of_any_usual_kind_gives_the_same_recording(text: str, tmp_path: Path) -> None:
    made = read_recording(csv(tmp_path, text))
    assert made.t_s.tolist() == [0.0, 1.0]
    assert {name: y.tolist() for name, y in made.channels.items()} == {"a": [1.0, 3.0], "b": [2.5, -4000.0]}


def test_an_empty_cell_is_a_sample_that_was_lost(tmp_path: Path) -> None:
    made = read_recording(csv(tmp_path, "t_s,a\n0,1\n1,\n2,NaN\n3,4\n"))
    assert np.isnan(made.channels["a"]).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "r.csv: is empty"),
        ("time,a\n0,1\n", 'r.csv:1: the first column is "time" (name it "t_s"'),
        ("t_s\n0\n", "r.csv:1: has no column but t_s"),
        ("t_s,a,a\n0,1,2\n", 'r.csv:1: names "a" twice'),
        ("t_s,a\n", "r.csv:1: has no rows"),
        ("t_s,a\n0,1\n1,x\n", 'r.csv:3: "x" in column 2 is no number (mend'),
        ("t_s,a\n0,1\n,2\n", 'r.csv:3: "" in column 1 is no number'),
        ("t_s,a\n0,1\n1,2,3\n", "r.csv:3: has 3 cells, the header 2"),
        ("t_s,a\n0,1,2\n1,2,3\n", "r.csv:2: has 3"),
        ("t_s,a\n0,1\n0,y\n1,x\n", 'r.csv:4: "x" in column 2'),
    ],
)
def test_a_bad_csv_is_said_with_line_and_remedy(text: str, what: str, tmp_path: Path) -> None:
    assert what in said(csv(tmp_path, text))


def test_a_file_that_is_no_text_or_not_there_is_said(tmp_path: Path) -> None:
    assert "is no UTF-8 text" in said(csv(tmp_path, "t_s,ä\n0,1\n", encoding="latin-1"))
    assert "cannot be read: No such file" in said(tmp_path / "gone.csv")


def comtrade(folder: Path, form: str) -> Path:
    (folder / "r.cfg").write_text(CFG.format(form=form))
    if form == "ASCII":
        rows = [
            f"{i + 1},{i * 1000},{a},{b},{c},{d}" for i, ((a, b, c), d) in enumerate(zip(ANALOG, STATUS, strict=True))
        ]
        data = "\r\n".join(rows).encode() + b"\r\n\x1a"
    else:
        kind = {"BINARY": "3h", "BINARY32": "3i", "FLOAT32": "3f"}[form]
        pack = struct.Struct(f"<II{kind}H").pack
        data = b"".join(pack(i + 1, i * 1000, *map(int, ANALOG[i]), int(STATUS[i])) for i in range(4))
    (folder / "r.dat").write_bytes(data)
    return folder / "r.cfg"


def assert_is_the_example(made: Recording) -> None:
    assert made.t_s == pytest.approx([0.0, 0.001, 0.002, 0.003])
    assert made.channels["VA"] == pytest.approx(ANALOG[:, 0] * 10.0)  # secondary in the file, times 100
    assert made.channels["IA"] == pytest.approx(ANALOG[:, 1] * 0.01 + 1.0)
    assert made.channels["contact"].tolist() == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("form", ["ASCII", "BINARY", "BINARY32", "FLOAT32"])
def test_comtrade_in_each_form_gives_primary_quantities(form: str, tmp_path: Path) -> None:
    path = comtrade(tmp_path, form)
    assert_is_the_example(read_recording(path))
    assert_is_the_example(read_recording(path.with_suffix(".dat")))


def test_comtrade_without_a_rate_takes_its_time_stamps(tmp_path: Path) -> None:
    path = comtrade(tmp_path, "ASCII")
    path.write_text(path.read_text().replace("60\n1\n1000,4\n", "60\n0\n0,4\n"))
    assert_is_the_example(read_recording(path))


def test_a_single_comtrade_file_is_read(tmp_path: Path) -> None:
    path = comtrade(tmp_path, "BINARY")
    data = path.with_suffix(".dat").read_bytes()
    whole = b"--- file type: CFG ---\r\n" + path.read_bytes() + b"--- file type: DAT BINARY: 72 ---\r\n" + data
    (tmp_path / "r.cff").write_bytes(whole)
    assert_is_the_example(read_recording(tmp_path / "r.cff"))


def test_missing_samples_of_comtrade_are_lost_samples(tmp_path: Path) -> None:
    path = comtrade(tmp_path, "ASCII")
    path.with_suffix(".dat").write_text("1,0,100,-5,7,0\n2,1000,99999,,8,0\n")
    made = read_recording(path)
    assert np.isnan(made.channels["VA"]).tolist() == [False, True]
    assert np.isnan(made.channels["IA"]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda text: text.replace("4,3A,1D", "four"), 'r.cfg:2: "four" is no count of channels'),
        (lambda text: text.replace("0.1,0,0", "x,0,0"), "r.cfg:3: cannot be understood"),
        (lambda text: text.replace("IA,A", "VA,A"), 'names the channel "VA" twice'),
        (lambda text: text.replace("ASCII", "MORSE"), '"MORSE" is no known form of data'),
        (lambda text: text[:60], "ends too early"),
    ],
)
def test_a_bad_comtrade_configuration_is_said_with_its_line(spoil, what: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = comtrade(tmp_path, "ASCII")
    path.write_text(spoil(path.read_text()))
    assert what in said(path)


def test_comtrade_data_that_do_not_belong_are_said(tmp_path: Path) -> None:
    path = comtrade(tmp_path, "BINARY")
    path.with_suffix(".dat").write_bytes(b"123")
    assert "no multiple of the 16 of one sample" in said(path)
    path = comtrade(tmp_path, "ASCII")
    path.with_suffix(".dat").write_text("1,0,1,2\n")
    assert "r.dat:1: is no row of 6 numbers" in said(path)
    path.with_suffix(".dat").unlink()
    assert "has no .dat beside it" in said(path)
