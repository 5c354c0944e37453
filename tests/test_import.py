"""`import sajeon`: light, complete, and honest about what it has."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

import sajeon

REPORT = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh Python holds after running `code`."""
    command = [sys.executable, "-c", f"{code}\n{REPORT}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_loads_no_third_party_module():
    before = modules_after("")  # what this installation always loads, such as editable finders
    new = modules_after("import sajeon") - before
    assert new - set(sys.stdlib_module_names) == {"sajeon"}


def test_importing_loads_no_room_of_the_package():
    code = "import sajeon, sys; assert not [n for n in sys.modules if n.startswith('sajeon.')]"
    modules_after(code)


def test_looking_vectors_up_needs_numpy_alone():
    new = modules_after("import sajeon; sajeon.Vectors, sajeon.load") - modules_after("")
    assert new - set(sys.stdlib_module_names) == {"sajeon", "numpy"}


@pytest.mark.parametrize("name", sajeon.__all__)
def test_every_public_name_exists_and_is_listed(name):
    assert getattr(sajeon, name) is not None
    assert name in dir(sajeon)


def test_a_name_comes_from_the_room_that_defines_it():
    assert sajeon.load is importlib.import_module("sajeon.loading").load
    assert sajeon.train is importlib.import_module("sajeon.learn.train").train
    assert sajeon.evaluate is importlib.import_module("sajeon.evaluate")


def test_all_errors_are_public():
    errors = importlib.import_module("sajeon.errors")
    defined = {n for n, v in vars(errors).items() if isinstance(v, type) and n.endswith("Error")}
    assert defined == {name for name in sajeon.__all__ if name.endswith("Error")}


def test_an_unknown_name_is_an_attribute_error_and_an_import_error():
    with pytest.raises(AttributeError, match="no attribute 'trane'"):
        _ = sajeon.trane  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        exec("from sajeon import trane")


def test_the_version_is_that_of_the_installed_package():
    metadata = importlib.import_module("importlib.metadata")
    try:
        expected = metadata.version("sajeon")
    except metadata.PackageNotFoundError:
        expected = "0+unknown"
    assert sajeon.__version__ == expected
