"""Every way of learning takes its own settings, and refuses those of others."""

import dataclasses
import importlib
import inspect

import pytest

import sajeon
from sajeon.cli.train import train
from sajeon.learn import methods


def test_the_command_line_offers_every_model():
    (option,) = [p for p in train.params if p.name == "model"]
    assert list(option.type.choices) == list(methods._METHODS)


def test_every_setting_of_every_method_is_an_argument_of_train():
    arguments = inspect.signature(sajeon.train).parameters
    for module, name in methods._METHODS.values():
        kind = getattr(importlib.import_module(f"sajeon.learn.{module}"), name)
        missing = {f.name for f in dataclasses.fields(kind)} - set(arguments)
        assert not missing, (name, missing)


def test_a_model_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"model must be one of skipgram, cbow.*'skip-gram'"):
        sajeon.train(["a b"], model="skip-gram")
