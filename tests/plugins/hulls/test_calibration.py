"""The committed errors of potentials: whose they are, and what they say."""

from importlib.util import find_spec

import pytest

from crystalbench.energies import calibration_of
from crystalbench.materials.elements import References
from crystalbench.plugins import Plugins
from crystalbench_plugins.hulls.bundled import crystalbench_hulls

HULL = next(spec for spec in crystalbench_hulls() if spec.default)


def test_a_record_says_of_what_and_on_what_it_was_measured() -> None:
    records = HULL.calibrations()
    assert records
    for record in records:
        assert 0 < record.n <= record.asked
        assert abs(record.bias) <= record.mae
        assert list(record.quantiles) == sorted(record.quantiles)
        assert record.both <= min(record.stable, record.called_stable)
        assert 0 <= record.agreement <= 1
        for said in (record.potential, record.materials, f"{record.n:,} materials", f"{record.mae:.3f} eV/atom"):
            assert said in str(record)


@pytest.mark.parametrize(("name", "package"), [("chgnet", "chgnet"), ("sevenn", "sevenn")])
def test_the_weights_that_are_installed_are_those_that_were_measured(name: str, package: str) -> None:
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    spec = Plugins.load().potentials[name]
    identity = spec.identity({p.name: p.default for p in spec.parameters})
    found = calibration_of(HULL, identity)
    assert found, f"the weights of {name} have changed: run build_calibration again"
    # 0.06 and 0.048 eV/atom on 50 materials of WBM; another scheme of energies would be 0.24 off
    assert all(record.mae < 0.15 for record in found)


def test_errors_with_one_kind_of_references_are_not_said_of_the_other() -> None:
    identity = next(one.identity for one in HULL.calibrations() if one.references is References.OWN)
    for references in References:
        found = calibration_of(HULL, identity, references)
        assert {record.references for record in found} == {references}
        assert all(("references of its own" in str(record)) == (references is References.OWN) for record in found)


def test_other_weights_have_no_record() -> None:
    assert calibration_of(HULL, "0" * 64) == ()
