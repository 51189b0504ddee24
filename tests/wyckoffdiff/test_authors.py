"""Files of the authors' released code, in the layout that it writes (commit dc5e849, seen by running it)."""

import zipfile
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from crystalbench import Invalid, InvalidReason, Protostructure, ReadError
from crystalbench.plugins import Plugins
from crystalbench.testing import check_reader, example_dataset
from tests.wyckoffdiff.one_group import GroupTensors, encode
from wyckoffdiff import plugin
from wyckoffdiff.authors import convert, translate
from wyckoffdiff.authors_samples import detect, read
from wyckoffdiff.checkpoint import load_model
from wyckoffdiff.cli import command
from wyckoffdiff.layout import layout
from wyckoffdiff.settings import Prior

PAPER_SHAPES: dict[str, tuple[int, ...]] = {
    "inf_dof_embedding.weight": (55, 1),
    "inf_dof_linear.weight": (256, 100),
    "inf_dof_linear.bias": (256,),
    "zero_dof_embedding.weight": (101, 256),
    "dof_embedding.weight": (4, 16),
    "pos_embedding.weight": (27, 16),
    "sg_embedding.weight": (231, 16),
    "time_embedding.weight": (1000, 16),
    "multiplicity_embedding.weight": (193, 16),
}
PAPER_NETWORKS = {"zero_df_out_mlp": (256, 512, 101), "inf_df_out_mlp": (256, 512, 5500)} | {
    f"layers.{number}.{name}": (inputs, 544, outputs)
    for number in range(3)
    for name, inputs, outputs in (("a_mlp", 544, 1), ("psi_mlp", 272, 256))
}
"""(inputs, hidden, outputs) of linear layers 0, 2, 4 and 6."""
CONFIG = {
    "device": torch.device("cpu"), "t_max": 1000, "num_elements": 100, "max_num_atoms": 54, "dataset": "wbm",
    "d3pm_transition": "zeros_init", "gnn": "base", "hidden_dim": 256, "dof_pos_sg_emb_size": 16,
    "mlp_hidden_layers": 2, "mlp_activation": "SiLU", "gnn_activation": "SiLU", "num_gnn_layers": 3,
    "no_softmax": False, "binary_dof_encoding": False, "no_multiplicity_encoding": False, "loss_fn": "ce",
    "hybrid_lambda": None, "mode": "train_d3pm", "seed": 42, "optimizer": "AdamW", "lr": 2e-4, "batch_size": 256,
    "l2_reg": 0.0, "epochs": 1000, "val_interval": 1, "job_id": None, "cuda": False,
}  # fmt: skip


def state_dict() -> dict[str, Tensor]:
    """Random weights under the names and in the shapes of the released code at the paper's settings."""
    random = torch.Generator().manual_seed(0)
    shapes = dict(PAPER_SHAPES)
    for name, (inputs, hidden, outputs) in PAPER_NETWORKS.items():
        widths = [inputs, hidden, hidden, hidden, outputs]
        for k, number in enumerate((0, 2, 4, 6)):
            shapes[f"{name}.{number}.weight"] = (widths[k + 1], widths[k])
            shapes[f"{name}.{number}.bias"] = (widths[k + 1],)
    return {f"model.{name}": 0.05 * torch.randn(shape, generator=random) for name, shape in shapes.items()}


def saved(path: Path, state: dict[str, Tensor] | None = None, **changes: object) -> Path:
    content = {
        "epoch": 999, "model_state_dict": state or state_dict(), "config": CONFIG | changes,
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 2e-4}]},
    }  # fmt: skip
    torch.save(content, path)
    return path


def test_a_checkpoint_of_the_released_code_becomes_a_model(tmp_path: Path) -> None:
    provenance = convert(saved(tmp_path / "parameters.pt"), example_dataset(), tmp_path / "ours.pt")
    model, loaded = load_model(tmp_path / "ours.pt")
    assert sum(weight.numel() for weight in model.parameters()) == 9_575_083
    assert provenance == loaded
    assert provenance.training.prior is Prior.ZEROS
    assert (provenance.epochs, provenance.training.learning_rate) == (1000.0, 2e-4)
    assert provenance.spacegroup_counts[225] == 2  # of the example dataset


def test_each_weight_goes_where_the_network_uses_it_in_the_same_way() -> None:
    """One message of the first layer, written out with the names of the released code."""
    state = state_dict()
    settings, weights = translate(state, CONFIG, "file")
    from wyckoffdiff.model import WyckoffGNN

    model = WyckoffGNN(settings)
    model.load_state_dict(weights)
    group, shape, t = 225, layout(225), 500
    tensors = GroupTensors.of(group, shape.dof, shape.multiplicity)
    z0 = torch.zeros(1, len(shape.constrained), dtype=torch.int64)
    z0[0, 0] = 11
    zinf = torch.zeros(1, len(shape.unconstrained), 100, dtype=torch.int64)
    zinf[0, 1, 16] = 2

    def of(name: str) -> Tensor:
        return state[f"model.{name}"]

    h = torch.empty(len(shape), 256)
    h[shape.constrained] = of("zero_dof_embedding.weight")[z0[0]]
    counted = of("inf_dof_embedding.weight")[zinf[0]][..., 0]
    h[shape.unconstrained] = counted @ of("inf_dof_linear.weight").T + of("inf_dof_linear.bias")
    position = (
        of("dof_embedding.weight")[torch.from_numpy(shape.dof)]
        + of("pos_embedding.weight")[torch.arange(len(shape))]
        + of("sg_embedding.weight")[group]
        + of("time_embedding.weight")[t - 1]  # their index r is the state after r + 1 steps of noise
        + of("multiplicity_embedding.weight")[torch.from_numpy(shape.multiplicity)]
    )

    def mlp(name: str, x: Tensor) -> Tensor:
        for number in (0, 2, 4):
            x = torch.nn.functional.silu(x @ of(f"{name}.{number}.weight").T + of(f"{name}.{number}.bias"))
        return x @ of(f"{name}.6.weight").T + of(f"{name}.6.bias")

    n = len(shape)
    for layer in range(3):
        w = torch.cat([h, position], 1)
        pairs = torch.cat([w[:, None].expand(n, n, -1), w[None].expand(n, n, -1)], 2)
        a = mlp(f"layers.{layer}.a_mlp", pairs)[..., 0].softmax(1)
        h = torch.nn.functional.silu(h + a @ mlp(f"layers.{layer}.psi_mlp", w))
    with torch.no_grad():
        ours = encode(model, tensors, z0, zinf, t)[0]
        torch.testing.assert_close(ours, h, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            model.unconstrained_logits(ours[shape.unconstrained]).flatten(1),
            mlp("inf_df_out_mlp", h[shape.unconstrained]), rtol=1e-4, atol=1e-5,
        )  # fmt: skip
        zero = mlp("zero_df_out_mlp", h[shape.constrained])
        torch.testing.assert_close(model.constrained_logits(ours[shape.constrained]), zero, rtol=1e-4, atol=1e-5)


def test_the_time_that_their_code_never_trains_takes_the_values_of_the_next() -> None:
    state = state_dict()
    _, weights = translate(state, CONFIG, "file")
    time = state["model.time_embedding.weight"]
    assert weights["time.weight"][0].equal(time[1])
    assert weights["time.weight"][1:].equal(time[1:])


def test_their_earlier_forms_without_multiplicities_or_degrees_of_freedom_are_the_same_network() -> None:
    state = state_dict()
    del state["model.multiplicity_embedding.weight"]
    binary = state["model.dof_embedding.weight"] = torch.randn(2, 16)
    _, weights = translate(state, CONFIG | {"no_multiplicity_encoding": True, "binary_dof_encoding": True}, "file")
    assert not weights["multiplicity.weight"].any()
    assert weights["dof.weight"].equal(torch.stack([binary[1], binary[0], binary[0], binary[0]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"no_softmax": True}, "without softmax"),
        ({"mlp_hidden_layers": 3}, "mlp_hidden_layers=3; only 2"),
        ({"mlp_activation": "ReLU"}, "mlp_activation='ReLU'"),
        ({"d3pm_transition": "masked"}, "d3pm_transition='masked'; known: uniform, marginal, zeros_init"),
        ({"hidden_dim": None}, "no usable"),
        ({"num_gnn_layers": 4}, "no weights for layers.3"),
        ({"num_gnn_layers": 2}, "does not have: layers.2"),
        ({"max_num_atoms": 10}, "has shape"),
    ],
)
def test_a_network_that_is_another_one_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ReadError, match=message):
        convert(saved(tmp_path / "parameters.pt", **change), example_dataset(), tmp_path / "ours.pt")
    assert not (tmp_path / "ours.pt").exists()


def test_the_import_command_writes_a_model_to_sample_from(tmp_path: Path) -> None:
    source = saved(tmp_path / "parameters.pt")
    arguments = ["import", str(source), "--dataset", "carbon24-bundled", "--out", str(tmp_path / "ours.pt")]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert load_model(tmp_path / "ours.pt")[1].dataset == "carbon24-bundled"


class Hostile:
    """Its pickle would call `exec`."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


def test_a_checkpoint_that_names_other_classes_is_refused_and_nothing_of_it_runs(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cannot be read as tensors and plain values"):
        convert(saved(tmp_path / "parameters.pt", logger=Hostile()), example_dataset(), tmp_path / "ours.pt")
    (tmp_path / "text.pt").write_text("no archive")
    for name in ("text.pt", "absent.pt"):
        with pytest.raises(ReadError, match=name):
            convert(tmp_path / name, example_dataset(), tmp_path / "ours.pt")
    torch.save({"weights": 1}, tmp_path / "other.pt")
    with pytest.raises(ReadError, match=r"give its parameters\.pt"):
        convert(tmp_path / "other.pt", example_dataset(), tmp_path / "ours.pt")


# --- generated samples: a list of Data objects, whose classes exist here under PyTorch Geometric's names -----------


class Data:
    def __init__(self, **tensors: object) -> None:
        self._store = GlobalStorage(tensors)
        self._edge_attr_cls, self._tensor_attr_cls = DataEdgeAttr, DataTensorAttr


class GlobalStorage:
    def __init__(self, mapping: dict[str, object]) -> None:
        self._mapping, self._parent = mapping, None


class DataEdgeAttr:
    pass


class DataTensorAttr:
    pass


@pytest.fixture
def pyg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the classes above be pickled under PyTorch Geometric's names, with or without it installed."""
    import sys
    import types

    modules = {
        "torch_geometric": {}, "torch_geometric.data": {},
        "torch_geometric.data.storage": {"GlobalStorage": GlobalStorage},
        "torch_geometric.data.data": {"Data": Data, "DataEdgeAttr": DataEdgeAttr, "DataTensorAttr": DataTensorAttr},
    }  # fmt: skip
    for name, classes in modules.items():
        module = types.ModuleType(name)
        for key, cls in classes.items():
            setattr(module, key, cls)
            monkeypatch.setattr(cls, "__module__", name)
        monkeypatch.setitem(sys.modules, name, module)


def data(group: int, atoms: dict[str, dict[int, int]], **changes: object) -> Data:
    """A material as the released code holds it: atoms on each letter, {atomic number: orbits}."""
    shape = layout(group)
    zero = torch.zeros(len(shape.constrained), dtype=torch.int64)
    inf = torch.zeros(len(shape.unconstrained), 100, dtype=torch.int64)
    for letter, counts in atoms.items():
        position = shape.letters.index(letter)
        for z, orbits in counts.items():
            if shape.dof[position]:
                inf[shape.slot[position], z - 1] = orbits
            else:
                zero[shape.slot[position]] = z
    n = len(shape)
    tensors: dict[str, object] = {
        "x": torch.zeros(n, 101), "edge_index": torch.zeros(2, n * n, dtype=torch.int64),
        "space_group": torch.tensor([group]), "x_0_dof": zero, "x_inf_dof": inf,
        "zero_dof": torch.from_numpy(shape.dof == 0), "wyckoff_pos_idx": torch.arange(n),
        "num_pos": torch.tensor([n]), "num_0_dof": torch.tensor([len(zero)]), "num_inf_dof": torch.tensor([len(inf)]),
        "multiplicities": torch.from_numpy(shape.multiplicity),
        "degrees_of_freedom": torch.from_numpy(shape.dof), "num_nodes": n,
    }  # fmt: skip
    return Data(**tensors | changes)


@pytest.mark.usefixtures("pyg")
def test_generated_samples_are_read_in_order_with_their_void_and_broken_ones(tmp_path: Path) -> None:
    path = tmp_path / "generated_samples_N=6_seed=42.pt"
    torch.save(
        [
            data(136, {"a": {22: 1}, "f": {8: 1}}),
            data(225, {}),
            data(62, {"c": {8: 2, 26: 1}, "a": {3: 1}}),
            data(225, {"a": {11: 1}}, x_0_dof=torch.zeros(9, dtype=torch.int64)),
            data(225, {"a": {11: 1}}, space_group=torch.tensor([231])),
            data(225, {"a": {-1: 1}}),
        ],
        path,
    )
    assert detect(path)
    samples = list(read(path, {}))
    assert samples[0] == Protostructure(136, [("Ti", "a"), ("O", "f")])
    assert samples[2] == Protostructure(62, [("O", "c"), ("O", "c"), ("Fe", "c"), ("Li", "a")])
    reasons = [sample.reason for sample in samples if isinstance(sample, Invalid)]
    assert reasons == [InvalidReason.EMPTY, *[InvalidReason.UNREADABLE] * 3]


@pytest.mark.usefixtures("pyg")
def test_the_reader_recognises_its_files_and_no_other_reader_does(tmp_path: Path) -> None:
    path = tmp_path / "generated_samples_N=1_seed=0.pt"
    torch.save([data(136, {"a": {22: 1}, "f": {8: 1}})], path)
    (spec,) = plugin.crystalbench_readers()
    check_reader(spec, path)
    others = [reader.name for reader in Plugins.load().readers.values() if reader.detect(path)]
    assert set(others) <= {"wyckoffdiff"}


@pytest.mark.usefixtures("pyg")
def test_samples_that_name_other_classes_are_refused_and_nothing_of_them_runs(tmp_path: Path) -> None:
    torch.save([data(225, {}, extra=Hostile())], tmp_path / "hostile.pt")
    with pytest.raises(ReadError, match="exec"):
        list(read(tmp_path / "hostile.pt", {}))


@pytest.mark.usefixtures("pyg")
def test_samples_that_claim_more_than_a_file_may_hold_are_invalid_at_once(tmp_path: Path) -> None:
    rows = len(layout(225).unconstrained)
    path = tmp_path / "huge.pt"
    wide = torch.zeros(rows, 1, dtype=torch.int64).expand(rows, 2**40)
    many = torch.full((rows, 100), 2**62)
    torch.save([data(225, {}, x_inf_dof=wide), data(225, {}, x_inf_dof=many)], path)
    first, second = read(path, {})
    assert isinstance(first, Invalid)
    assert isinstance(second, Invalid)
    assert "x_inf_dof has" in first.detail
    assert "over 2000 orbits" in second.detail


def test_an_archive_whose_sizes_may_be_lies_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a/data.pkl", b"torch_geometric.data.data\nData\nx_inf_dofx_0_dof")
    assert not detect(tmp_path / "packed.pt")
    with pytest.raises(ReadError, match="not an archive of torch"):
        list(read(tmp_path / "packed.pt", {}))


def test_other_archives_are_not_taken_for_samples(tmp_path: Path) -> None:
    torch.save({"x_0_dof": torch.zeros(1)}, tmp_path / "dict.pt")
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.writestr("a/readme.txt", "x_0_dof x_inf_dof")
    (tmp_path / "text.pt").write_text("no archive")
    for name in ("dict.pt", "plain.zip", "text.pt", "absent.pt"):
        assert not detect(tmp_path / name)
    for name in ("dict.pt", "text.pt", "absent.pt"):
        with pytest.raises(ReadError, match=name):
            list(read(tmp_path / name, {}))
