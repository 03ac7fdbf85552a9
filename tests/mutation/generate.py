"""The mutants of the core, made anew where the code changed. mutmut makes them; `first` and `second` run them."""

import importlib
import json
import sys

from tests.mutation.mutants import FOLDER, STRONGER, stronger, verdicts


def generate(jobs: int) -> None:
    """Bring the folder of the mutants up to date; what has a verdict keeps it unless its function changed."""
    mutmut = importlib.import_module("mutmut.__main__")
    mutmut.set_mutant_under_test("mutant_generation")
    FOLDER.mkdir(exist_ok=True)
    with mutmut.CatchOutput(spinner_title=""):
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.setup_source_paths()
        made = mutmut.create_mutants(jobs)
    found = verdicts()
    STRONGER.write_text(json.dumps({name: killed for name, killed in stronger().items() if found.get(name)}))
    print(f"mutation: {made.mutated} modules with new mutants, {made.unmodified} as they were", file=sys.stderr)


if __name__ == "__main__":
    generate(int(sys.argv[1]))
