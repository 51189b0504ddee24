"""A notebook runs the API: it shows the table as HTML, and nothing that looks like an error."""

import json
import sys
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

CELLS = (
    "from crystalbench import evaluate, load",
    'labels = ["AB_cF8_225_a_b:Cl-Na", "A_cF8_227_a:Si", "A_cF8_227_a:Si"]',
    'result = evaluate({"my model": labels}, dataset="carbon24-bundled", metrics="novelty,uniqueness")\nresult',
    'folder = result.save("kept")\nassert load(folder).table == result.table',
    "result.to_pandas(wide=True)",
)


@pytest.mark.slow
def test_a_notebook_shows_the_table_and_goes_on(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    spec = tmp_path / "kernels/here"
    spec.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "here"}))
    client = nbclient.NotebookClient(book, kernel_name="here", resources={"metadata": {"path": str(tmp_path)}})
    client.create_kernel_manager().kernel_spec_manager.kernel_dirs.insert(0, str(tmp_path / "kernels"))
    client.execute()
    shown = book.cells[2].outputs[-1]["data"]["text/html"]
    assert "my model" in shown
    assert "66.7" in shown  # two of three labels are distinct
    assert (tmp_path / "kept/manifest.json").exists()
    lines = "".join(output.get("text", "") for output in book.cells[2].outputs)
    assert "samples in" not in lines  # bars, which vanish, and no lines that stay
